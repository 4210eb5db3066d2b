"""Calls every name of the OpenVDS Python API once and prints what comes back: ``name = result``.

``python program.py MODULE FOLDER``: under ``openvds`` and under ``mdio_vds`` the lines are to be the same, but for
those of deviations.py. Nothing here asks which of them it runs under.
"""

import hashlib
import importlib
import sys
from pathlib import Path

import numpy as np

ZERO, SHAPE = [0] * 6, (50, 40, 30)
TYPES = {"Int": 7, "Float": 0.1, "Double": 2.3}
VECTORS = {
    f"{kind}Vector{length}": tuple(value * (part + 1) for part in range(length))
    for kind, value in TYPES.items()
    for length in (2, 3, 4)
}
VALUES = TYPES | VECTORS | {"String": "Grüße", "BLOB": b"\0\1\2raw"}


def shown(value):
    """Return a result as text that does not depend on who made it."""
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            value = np.stack([value[name] for name in value.dtype.names], axis=-1)
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return f"{value.dtype}{value.shape} {digest} {value.reshape(-1)[:4].tolist()}"
    if isinstance(value, memoryview):
        steps = tuple(step for step, length in zip(value.strides, value.shape, strict=True) if length > 1)
        return f"{'read-only' if value.readonly else 'writable'} {steps} {shown(np.array(value))}"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(shown(part) for part in value)
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(part)}" for key, part in value.items()) + "}"
    if isinstance(value, type):
        return f"class {value.__name__}"
    if value is None or isinstance(value, (bool, str, float, bytearray)) or type(value) is int:
        return repr(value)
    if hasattr(type(value), "__members__") or type(value).__name__ == "MetadataKey":
        return repr(value)
    if isinstance(value, (int, np.number)):
        return repr(value.item() if isinstance(value, np.number) else value)
    return f"a {type(value).__name__}"


def kind(o, error):
    """Return what sort of error it is for those who catch it; the text of those whose text is the API's."""
    for name in ("InvalidArgument", "InvalidOperation", "IndexOutOfRangeException", "ReadErrorException"):
        if isinstance(error, getattr(o, name)):
            return f"{name}: {error}"
    return next(base.__name__ for base in type(error).__mro__ if base in (TypeError, ValueError, RuntimeError,
                                                                         AttributeError, Exception))  # fmt: skip


class Program:
    def access(self, handle):
        """Return the manager of a VDS; at the borders of bricks ours does better unless it is told not to."""
        manager = self.o.getAccessManager(handle)
        if hasattr(manager, "boundary"):
            manager.boundary = "openvds"
        return manager

    def __init__(self, o, folder):
        self.o, self.folder, self.held = o, folder, []
        d = o.VolumeDataLayoutDescriptor
        self.brick = d(d.BrickSize.BrickSize_32, 2, 3, 4, d.LODLevels.LODLevels_2, d.Options.Options_None)
        axis = o.VolumeDataAxisDescriptor
        self.axes = [
            axis(SHAPE[0], "Sample", "ms", 100.0, 296.0),
            axis(SHAPE[1], "Crossline", "unitless", 1000.0, 1078.0),
            axis(SHAPE[2], "Inline", "unitless", 1.0, 30.0),
        ]
        self.c = c = o.VolumeDataChannelDescriptor
        f, p, m = o.VolumeDataFormat, o.VolumeDataComponents, o.VolumeDataMapping
        self.first = (f.Format_R32, p.Components_1, "Amplitude", "", -120.5, 130.25)
        self.channels = [
            c(*self.first, -999.25),
            c(f.Format_U8, p.Components_1, "Trace", "", 0, 1, m.PerTrace, 1, c.Flags.DiscreteData, 1.0, 0.0),
            c(f.Format_U16, p.Components_2, "Pair", "m", 0, 65535, c.Flags.NotRenderable),
            c(f.Format_1Bit, p.Components_1, "Bits", "", 0, 1, c.Flags.DiscreteData),
            c.traceMappedVolumeDataChannelDescriptor(
                f.Format_U8, p.Components_1, "Header", "", 0, 255, 240,
                o.operator_bor(c.Flags.NoLossyCompressionUseZip, c.Flags.NotRenderable),
            ),
            c(f.Format_U16, p.Components_1, "Scaled", "", -1.5, 63.5, m.Direct, 1, c.Flags.Default, 0.25, -1.5),
        ]  # fmt: skip
        self.metadata = o.MetadataContainer()
        put = self.metadata
        put.setMetadataDoubleVector2("SurveyCoordinateSystem", "Origin", (500000.0, 6000000.0))
        put.setMetadataDoubleVector2("SurveyCoordinateSystem", "InlineSpacing", (25.0, 3.0))
        put.setMetadataDoubleVector2("SurveyCoordinateSystem", "CrosslineSpacing", (-2.0, 12.5))
        for type_, value in VALUES.items():
            getattr(put, f"setMetadata{type_}")("mine", f"a {type_}", value)
        self.group = o.DimensionsND.Dimensions_012
        self.mode = o.VolumeDataPageAccessor.AccessMode
        self.zip = o.CompressionMethod.Zip

    # ---- what the calls work on ---------------------------------------------------------------------------------

    def path(self, name):
        return str(self.folder / name)

    def create(self, name, *compression):
        return self.o.create(self.path(name), "", self.brick, self.axes, self.channels, self.metadata, *compression)

    def accessor(self, handle, mode, channel=0, lod=0, group=None, pages=8):
        manager = self.access(handle)
        made = manager.createVolumeDataPageAccessor(group or self.group, lod, channel, pages, mode)
        self.held.append(made)  # a page must not outlive its accessor
        return made

    def fill(self, handle):
        """Write all channels; numbers that depend on the voxel only."""
        for channel, descriptor in enumerate(self.channels):
            pages = self.accessor(handle, self.mode.AccessMode_Create, channel)
            for chunk in range(pages.getChunkCount()):
                page = pages.createPage(chunk)
                buffer = np.array(page.getWritableBuffer(), copy=False)
                low, high = (end[:3] for end in page.getMinMax())
                x, y, z = (np.arange(a, b, dtype=np.int64) for a, b in zip(low, high, strict=True))
                voxel = z[:, None, None] * 7919 + y[:, None] * 104729 + x * 1299709
                self._store(buffer, voxel * 2654435761 % 65521, descriptor.getFormat(), descriptor.getName())
                page.release()
            pages.commit()
        return handle

    def _store(self, buffer, numbers, format, name):
        if buffer.dtype.names:
            for part, field in enumerate(buffer.dtype.names):
                buffer[field] = (numbers + part) % 65535
        elif format == self.o.VolumeDataFormat.Format_1Bit:
            buffer[...] = np.packbits(numbers % 3 == 0, axis=-1, bitorder="little")
        elif name == "Amplitude":
            buffer[...] = np.where(numbers % 11 == 0, -999.25, numbers / 512.0 - 60)
        else:
            buffer[...] = numbers % {"Trace": 2, "Header": 256, "Scaled": 260}[name]

    def prepare(self):
        self.o.close(self.fill(self.create("volume.vds", self.zip, 0.01)))
        self.volume = self.o.open(self.path("volume.vds"))
        self.layout = self.o.getLayout(self.volume)
        self.manager = self.access(self.volume)
        self.reading = self.accessor(self.volume, self.mode.AccessMode_ReadOnly)
        self.mapped = self.accessor(self.volume, self.mode.AccessMode_ReadOnly, 1)

    # ---- the calls ----------------------------------------------------------------------------------------------

    def calls(self):
        """Return functions by name; a name may have several, told apart behind a slash."""
        table = {}
        for part in (
            self.of_module, self.of_descriptors, self.of_layout, self.of_metadata, self.of_manager, self.of_requests,
            self.of_pages,
        ):  # fmt: skip
            table |= part()
        return table

    def lasting(self, handle):
        with handle:
            return self.o.getLayout(handle).getDimensionality()

    def of_module(self):
        o, path = self.o, self.path("volume.vds")
        error = o.VDSError()

        def failing(call):
            def run():
                return call(), error.code != 0, bool(error.string)

            return run

        def created(*args, options=None):
            def run():
                start = (options,) if options else (self.path("new.vds"), "")
                with o.create(*start, self.brick, self.axes, self.channels, self.metadata, *args) as handle:
                    return o.getCompressionMethod(handle), o.getCompressionTolerance(handle)

            return run

        file = o.VDSFileOpenOptions(self.path("option.vds"))
        return {
            "open": lambda: self.lasting(o.open(path)),
            "open/string": lambda: self.lasting(o.open(path, "")),
            "open/error": lambda: self.lasting(o.open(path, error)),
            "open/options": lambda: self.lasting(o.open(o.VDSFileOpenOptions(path))),
            "open/url": lambda: self.lasting(o.open("file://" + path)),
            "open/missing": lambda: o.open(self.path("missing.vds")),
            "open/missing error": failing(lambda: o.open(self.path("missing.vds"), error)),
            "open/missing options": failing(lambda: o.open(o.VDSFileOpenOptions(self.path("missing.vds")), error)),
            "open/none": lambda: o.open(None),
            "open/dms": lambda: o.open("sd://tenant/subproject/x"),
            "open/key": lambda: o.open("s3://bucket/key", "Bogus=1"),
            "openWithAdaptiveCompressionTolerance": lambda: self.lasting(
                o.openWithAdaptiveCompressionTolerance(path, "", 2.0)
            ),
            "openWithAdaptiveCompressionTolerance/error": failing(
                lambda: o.openWithAdaptiveCompressionTolerance(self.path("missing.vds"), "", 2.0, error)
            ),
            "openWithAdaptiveCompressionRatio": lambda: self.lasting(o.openWithAdaptiveCompressionRatio(path, "", 2.0)),
            "openWithAdaptiveCompressionRatio/error": failing(
                lambda: o.openWithAdaptiveCompressionRatio(self.path("missing.vds"), "", 2.0, error)
            ),
            "create": created(),
            "create/method": created(self.zip, 2.0),
            "create/error": created(error),
            "create/all": created(o.CompressionMethod.RLE, 0.5, error),
            "create/options": created(options=file),
            "create/nowhere": lambda: o.create(
                "/nonexistent/x.vds", "", self.brick, self.axes, self.channels, self.metadata
            ),
            "create/none": lambda: o.create(path, "", self.brick, self.axes, self.channels, None),
            "create/two names": lambda: o.create(
                self.path("x.vds"), "", self.brick, self.axes, self.channels[:1] * 2, self.metadata
            ),
            "create/brick": lambda: o.create(
                self.path("x.vds"), "", o.VolumeDataLayoutDescriptor(), self.axes, self.channels, self.metadata
            ),
            "create/axis": lambda: o.create(
                self.path("x.vds"), "", self.brick, [o.VolumeDataAxisDescriptor()] * 3, self.channels, self.metadata
            ),
            "create/memory": lambda: self.lasting(
                o.create("inmemory://one", self.brick, self.axes, self.channels, self.metadata)
            ),
            "open/memory": lambda: self.lasting(o.open("inmemory://one")),
            "close": lambda: o.close(o.open(path)),
            "close/error": failing(lambda: o.close(o.open(path), error)),
            "close/flush": lambda: o.close(o.open(path), flush=False),
            "getLayout": lambda: o.getLayout(self.volume),
            "getAccessManager": lambda: self.access(self.volume),
            "getLayout/none": lambda: o.getLayout(None),
            "VDSFileOpenOptions": lambda: (Path(file.fileName).name, file.connectionType, file.logLevel),
            "AWSOpenOptions": lambda: self.fields(
                o.AWSOpenOptions("b", "k", "r", "e"), "bucket key region endpointOverride connectionTimeoutMs secretKey"
            ),
            "AWSOpenOptions/string": lambda: self.fields(
                o.createOpenOptions("s3://b/k/l", " Region = eu ;AccessKeyId=a"), "bucket key region accessKeyId"
            ),
            "AzureOpenOptions": lambda: self.fields(
                o.AzureOpenOptions("s", "c", "b"), "connectionString container blob parallelism_factor"
            ),
            "GoogleOpenOptions": lambda: self.fields(
                o.GoogleOpenOptions("b", "p", o.GoogleCredentialsToken("t")), "bucket pathPrefix credentials"
            ),
            "DMSOpenOptions": lambda: self.fields(o.DMSOpenOptions(), "sdAuthorityUrl datasetPath scopes legalTag"),
        }

    @staticmethod
    def fields(thing, names):
        return [type(thing).__name__, *(getattr(thing, name) for name in names.split())]

    def of_descriptors(self):
        o, c = self.o, self.c
        axis = o.VolumeDataAxisDescriptor(11, "Sample", "ms", 0.1, 100.3)
        channel = self.channels[1]
        brick = self.brick
        table = {
            "VolumeDataAxisDescriptor": lambda: o.VolumeDataAxisDescriptor(),
            "VolumeDataAxisDescriptor/short": lambda: o.VolumeDataAxisDescriptor(3, "x"),
            "VolumeDataAxisDescriptor.coordinateToSampleIndex": lambda: [
                axis.coordinateToSampleIndex(at) for at in (-5.0, 0.0, 5.0, 50.2, 99.9, 1000.0)
            ],
            "VolumeDataAxisDescriptor.coordinateToSamplePosition": lambda: [
                axis.coordinateToSamplePosition(at) for at in (-5.0, 0.0, 5.0, 50.2, 99.9, 1000.0)
            ],
            "VolumeDataAxisDescriptor.sampleIndexToCoordinate": lambda: [
                axis.sampleIndexToCoordinate(at) for at in (-1, 0, 3, 10, 20)
            ],
            "VolumeDataChannelDescriptor": lambda: c(),
            "VolumeDataChannelDescriptor/all": lambda: [
                self.described(made)
                for made in (
                    c(*self.first),
                    c(*self.first, o.VolumeDataMapping.PerTrace),
                    c(*self.first, c.Flags.NoLossyCompressionUseZip),
                    c(*self.first, o.VolumeDataMapping.Direct, c.Flags.DiscreteData),
                    c(*self.first, 7.5, o.VolumeDataMapping.Direct, c.Flags.NoLossyCompression),
                    c(*self.first, o.VolumeDataMapping.PerTrace, 3, c.Flags.NotRenderable, 0.5, 0.5, 3.0),
                )
            ],
            "VolumeDataChannelDescriptor/bad": lambda: c(3, 1, "n", "u", 0, 1),
            "VolumeDataChannelDescriptor.Components": lambda: c.Components,
            "VolumeDataChannelDescriptor.Format": lambda: c.Format,
            "VolumeDataChannelDescriptor.traceMappedVolumeDataChannelDescriptor": lambda: self.described(
                c.traceMappedVolumeDataChannelDescriptor(
                    o.VolumeDataFormat.Format_U8, o.VolumeDataComponents.Components_1, "H", "", 0, 255, 240,
                    c.Flags.NoLossyCompressionUseZip, 9.0,
                )
            ),
            "VolumeDataLayoutDescriptor": lambda: o.VolumeDataLayoutDescriptor().isValid(),
        }  # fmt: skip
        for owner, thing in (
            ("VolumeDataAxisDescriptor", axis),
            ("VolumeDataChannelDescriptor", channel),
            ("VolumeDataLayoutDescriptor", brick),
        ):
            for name in dir(type(thing)):
                if name[:3] == "get" or name[:2] == "is":
                    table[f"{owner}.{name}"] = getattr(thing, name)
                elif not name.startswith("_") and isinstance(vars(type(thing)).get(name), property):
                    table[f"{owner}.{name}"] = lambda thing=thing, name=name: getattr(thing, name)
        for owner, enumerations in {
            "VolumeDataChannelDescriptor": ["Flags"],
            "VolumeDataLayoutDescriptor": ["BrickSize", "LODLevels", "Options"],
            "VolumeDataPageAccessor": ["AccessMode"],
            "VolumeDataAccessManager": ["AccessMode"],
        }.items():
            for enumeration in enumerations:
                kind_ = getattr(getattr(o, owner), enumeration)
                name = f"{owner}.{enumeration}"
                table[name] = lambda kind_=kind_: (kind_, kind_(1), kind_(77), list(kind_.__members__))
                table[f"{name}.name"] = lambda kind_=kind_: [member.name for member in kind_.__members__.values()]
                for member in kind_.__members__:
                    table[f"{name}.{member}"] = lambda kind_=kind_, member=member: (
                        getattr(kind_, member),
                        int(getattr(kind_, member)),
                        str(getattr(kind_, member)),
                        hash(getattr(kind_, member)),
                        getattr(kind_, member) == kind_(int(getattr(kind_, member))),
                    )
        return table

    @staticmethod
    def described(channel):
        names = (
            "format components name unit valueRangeMin valueRangeMax mapping mappedValueCount flags noValue useNoValue "
            "integerScale integerOffset discrete renderable allowLossyCompression useZipForLosslessCompression"
        )
        return [getattr(channel, name) for name in names.split()]

    def of_layout(self):
        layout = self.layout
        table = {"VolumeDataLayout": lambda: (layout, layout.numSamples, layout.Dimensionality_Max)}
        for name in dir(type(layout)):
            full, call = f"VolumeDataLayout.{name}", getattr(layout, name)
            if "Hash" in name:
                if name.startswith("get"):
                    table[full] = lambda call=call: (call() == call(), 0 < call() < 2**64)
            elif name in ("getChannelIndex", "isChannelAvailable"):
                table[full] = lambda call=call: [call(text) for text in ("Amplitude", "Trace", "Pair")]
                table[f"{full}/missing"] = lambda call=call: call("Missing")
            elif (
                name.startswith(("getChannelC", "getDimensionality", "getLayoutD", "getVDSIJK")) and "Comp" not in name
            ):
                table[full] = call
            elif name == "getAxisDescriptor" or name.startswith("getDimension"):
                table[full] = lambda call=call: [call(dim) for dim in range(3)]
                table[f"{full}/beyond"] = lambda call=call: call(6)
            elif name.startswith(("getChannel", "isChannel")):
                table[full] = lambda call=call: [call(channel) for channel in range(len(self.channels))]
                table[f"{full}/beyond"] = lambda call=call: call(99)

        def channel(number):
            return self.described(layout.getChannelDescriptor(number))

        table["VolumeDataLayout.getChannelDescriptor/fields"] = lambda: [channel(i) for i in range(len(self.channels))]
        table["VolumeDataLayout.getLayoutDescriptor/fields"] = lambda: self.fields(
            layout.getLayoutDescriptor(), "brickSize negativeMargin positiveMargin brickSizeMultiplier2D options"
        )
        table["VolumeDataLayout.getVDSIJKGridDefinitionFromMetadata/fields"] = lambda: self.fields(
            layout.getVDSIJKGridDefinitionFromMetadata(), "origin iUnitStep jUnitStep kUnitStep dimensionMap"
        )
        table["VolumeDataLayout.getAxisDescriptor/fields"] = lambda: [
            self.fields(
                layout.getAxisDescriptor(dim), "name unit numSamples coordinateMin coordinateMax coordinateStep"
            )
            for dim in range(3)
        ]
        return table

    def of_metadata(self):
        o = self.o
        table = {
            "MetadataContainer": lambda: o.MetadataContainer(),
            "MetadataReadAccess": lambda: (isinstance(self.metadata, o.MetadataReadAccess),
                                           isinstance(self.layout, o.MetadataReadAccess)),
            "MetadataWriteAccess": lambda: isinstance(self.metadata, o.MetadataWriteAccess),
            "KnownMetadata": lambda: o.KnownMetadata,
        }  # fmt: skip
        for name in dir(o.KnownMetadata):
            if not name.startswith("_"):
                table[f"KnownMetadata.{name}"] = getattr(o.KnownMetadata, name)
        own = o.MetadataContainer()
        editing = self.create("metadata.vds")
        writing = o.getMetadataWriteAccessInterface(editing)
        written = o.getLayout(editing)
        for owner, read, write in (
            ("MetadataContainer", own, own),
            ("MetadataReadAccess", self.layout, None),
            ("MetadataWriteAccess", written, writing),
        ):
            table |= self.of_container(owner, read, write)
        table["MetadataWriteAccess.clearMetadata/closed"] = lambda: self.kept(editing)
        return table

    def of_container(self, owner, read, write):
        o, table = self.o, {}
        for type_, value in VALUES.items():
            where = ("mine", f"a {type_}")
            if write is not None:

                def put(type_=type_, value=value, where=where):
                    getattr(write, f"setMetadata{type_}")(*where, value)
                    found = read.getMetadata(*where, getattr(o.MetadataType, type_))
                    return found, [key for key in read.getMetadataKeys() if key.name == where[1]]

                table[f"{owner}.setMetadata{type_}"] = put
                table[f"{owner}.setMetadata{type_}/wrong"] = lambda type_=type_, where=where: getattr(
                    write, f"setMetadata{type_}"
                )(*where, {})
            if owner != "MetadataWriteAccess":
                if type_ != "BLOB":
                    table[f"{owner}.getMetadata{type_}"] = lambda type_=type_, where=where: (
                        getattr(read, f"getMetadata{type_}")(*where),
                        getattr(read, f"getMetadata{type_}")("mine", "nothing"),
                    )
                elif owner == "MetadataReadAccess":
                    table["MetadataReadAccess.getMetadataBLOB"] = lambda: read.getMetadataBLOB("mine", "a BLOB")
                table[f"{owner}.isMetadata{type_}Available"] = lambda type_=type_, where=where: (
                    getattr(read, f"isMetadata{type_}Available")(*where),
                    getattr(read, f"isMetadata{type_}Available")("mine", "nothing"),
                )
        if owner != "MetadataWriteAccess":
            table[f"{owner}.getMetadataKeys"] = lambda: (
                len(read.getMetadataKeys()),
                # Containers keep their order; that of a file is nobody's business.
                sorted(read.getMetadataKeys(), key=repr)
                if owner == "MetadataReadAccess"
                else list(read.getMetadataKeys()),
            )
        if owner == "MetadataReadAccess":
            table[f"{owner}.getMetadata"] = lambda: [
                read.getMetadata("mine", f"a {type_}", getattr(o.MetadataType, type_)) for type_ in VALUES
            ]
            table[f"{owner}.getMetadata/key"] = lambda: [
                read.getMetadata(key) for key in sorted(read.getMetadataKeys(), key=repr)
            ]
        if write is not None:

            def copied():
                write.copyMetadata("SurveyCoordinateSystem", self.layout)
                return [key for key in read.getMetadataKeys() if key.category == "SurveyCoordinateSystem"]

            def cleared():
                write.clearMetadata("mine", "a Double")
                write.clearMetadata("SurveyCoordinateSystem")
                write.clearMetadata("nothing")
                return list(read.getMetadataKeys())

            table[f"{owner}.copyMetadata"] = copied
            table[f"{owner}.clearMetadata"] = cleared
        return table

    def kept(self, handle):
        self.o.close(handle)
        with self.o.open(self.path("metadata.vds")) as again:
            return [repr(key) for key in self.o.getLayout(again).getMetadataKeys()]  # while they are there

    def of_manager(self):
        o, manager = self.o, self.manager
        groups, statuses = o.DimensionsND, ["012", "01", "02", "12", "013", "345"]
        fmt, methods = o.VolumeDataFormat, o.InterpolationMethod
        rng = np.random.default_rng(5)
        at = rng.uniform((0, 0, 0), SHAPE, (40, 3)).astype(np.float32)
        low, high = (3, 5, 2), (45, 39, 21)
        table = {
            "VolumeDataAccessManager": lambda: o.VolumeDataAccessManager(self.volume),
            "VolumeDataAccessManager.getVolumeDataLayout": lambda: manager.getVolumeDataLayout().numSamples,
            "VolumeDataAccessManager.getVDSProduceStatus": lambda: [
                manager.getVDSProduceStatus(getattr(groups, f"Dimensions_{name}")) for name in statuses
            ],
            "VolumeDataAccessManager.getVDSChunkCount": lambda: [
                [manager.getVDSChunkCount(getattr(groups, f"Dimensions_{name}"), lod) for lod in range(4)]
                for name in statuses
            ],
            "VolumeDataAccessManager.createVolumeDataPageAccessor": lambda: (
                manager.createVolumeDataPageAccessor(self.group, 0, 0, 4, self.mode.AccessMode_ReadOnly),
                manager.createVolumeDataPageAccessor(self.group, 0, 1, 4, self.mode.AccessMode_ReadOnly, 1024),
            ),
            "VolumeDataAccessManager.createVolumeDataPageAccessor/lod": lambda: manager.createVolumeDataPageAccessor(
                self.group, 9, 0, 4, self.mode.AccessMode_ReadOnly
            ),
            "VolumeDataAccessManager.createVolumeDataPageAccessor/group": lambda: manager.createVolumeDataPageAccessor(
                groups.Dimensions_345, 0, 0, 4, self.mode.AccessMode_ReadOnly
            ),
            "VolumeDataAccessManager.createVolumeDataPageAccessor/channel": lambda: (
                manager.createVolumeDataPageAccessor(self.group, 0, 9, 4, self.mode.AccessMode_ReadOnly)
            ),
            "VolumeDataAccessManager.createVolumeDataPageAccessor/coarser": lambda: (
                manager.createVolumeDataPageAccessor(self.group, 1, 0, 4, self.mode.AccessMode_Create)
            ),
            "VolumeDataAccessManager.flush": manager.flush,
            "VolumeDataAccessManager.getVolumeSubsetBufferSize": lambda: [
                manager.getVolumeSubsetBufferSize(low, high, getattr(fmt, f"Format_{name}"), lod)
                for name in ("U8", "R32", "R64")
                for lod in range(3)
            ],
            "VolumeDataAccessManager.getProjectedVolumeSubsetBufferSize": lambda: (
                manager.getProjectedVolumeSubsetBufferSize(low, high, groups.Dimensions_12, fmt.Format_R32)
            ),
            "VolumeDataAccessManager.getVolumeSamplesBufferSize": lambda: manager.getVolumeSamplesBufferSize(40),
            "VolumeDataAccessManager.getVolumeTracesBufferSize": lambda: [
                manager.getVolumeTracesBufferSize(40, dim, lod) for dim in range(3) for lod in range(3)
            ],
            "VolumeDataAccessManager.prefetchVolumeChunk": lambda: manager.prefetchVolumeChunk(0).waitForCompletion(),
            "VolumeDataAccessManager.requestProjectedVolumeSubset": lambda: (
                manager.requestProjectedVolumeSubset((0, 0, 0), SHAPE, voxelPlane=(1.0, 0.1, 0.1, -20.0)).data
            ),
        }
        for lod in range(3):
            table[f"VolumeDataAccessManager.requestVolumeSubset/lod {lod}"] = lambda lod=lod: (
                manager.requestVolumeSubset(low, high, lod=lod).data
            )
        for name in ("U8", "U16", "R32", "U32", "R64", "U64"):
            table[f"VolumeDataAccessManager.requestVolumeSubset/{name}"] = lambda name=name: (
                manager.requestVolumeSubset(low, high, format=getattr(fmt, f"Format_{name}")).data
            )
            table[f"VolumeDataAccessManager.requestVolumeSubset/scaled {name}"] = lambda name=name: (
                manager.requestVolumeSubset(low, high, channel=5, format=getattr(fmt, f"Format_{name}")).data
            )
        table |= {
            "VolumeDataAccessManager.requestVolumeSubset": lambda: manager.requestVolumeSubset(low, high).data,
            "VolumeDataAccessManager.requestVolumeSubset/replaced": lambda: (
                manager.requestVolumeSubset(low, high, replacementNoValue=7.5).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/trace": lambda: (
                manager.requestVolumeSubset((0, 0, 0), (1, 40, 30), channel=1, format=fmt.Format_U8).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/header": lambda: (
                manager.requestVolumeSubset((0, 3, 4), (240, 7, 9), channel=4, format=fmt.Format_U8).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/pair": lambda: (
                manager.requestVolumeSubset(low, high, channel=2, format=fmt.Format_U16).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/bits": lambda: (
                manager.requestVolumeSubset(low, high, channel=3, format=fmt.Format_U8).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/out": lambda: self.into(low, high),
            "VolumeDataAccessManager.requestVolumeSubset/outside": lambda: (
                manager.requestVolumeSubset((0, 0, 0), (51, 1, 1)).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/empty": lambda: (
                manager.requestVolumeSubset((5, 0, 0), (5, 1, 1)).data
            ),
            "VolumeDataAccessManager.requestVolumeSubset/lod 9": lambda: (
                manager.requestVolumeSubset(low, high, lod=9).data
            ),
            "VolumeDataAccessManager.requestVolumeSamples": lambda: manager.requestVolumeSamples(at).data,
            "VolumeDataAccessManager.requestVolumeTraces": lambda: manager.requestVolumeTraces(at[:5], 0).data,
        }
        for name in ("Nearest", "Linear", "Cubic", "Angular", "Triangular"):
            for lod in range(2):
                kernel = {"interpolationMethod": getattr(methods, name), "lod": lod}
                table[f"VolumeDataAccessManager.requestVolumeSamples/{name} {lod}"] = lambda kernel=kernel: (
                    manager.requestVolumeSamples(at, **kernel).data
                )
                for dim in range(3):
                    table[f"VolumeDataAccessManager.requestVolumeTraces/{name} {lod} {dim}"] = (
                        lambda kernel=kernel, dim=dim: manager.requestVolumeTraces(at[:5], dim, **kernel).data
                    )
        return table

    def into(self, low, high):
        out = np.zeros([b - a for a, b in zip(low[::-1], high[::-1], strict=True)], np.float32)
        self.manager.requestVolumeSubset(low, high, data_out=out).waitForCompletion()
        return out

    def of_requests(self):
        empty, owner = self.o.VolumeDataRequest(), "VolumeDataRequest"
        table = {owner: lambda: self.o.VolumeDataRequest()}
        for name in [
            "validateRequest",
            "isCompleted",
            "isCanceled",
            "requestID",
            "bufferByteSize",
            "bufferDataType",
            "buffer",
            "cancel",
            "cancelAndWaitForCompletion",
            "getCompletionFactor",
            "getErrorCode",
            "getErrorMessage",
            "waitForCompletion",
        ]:
            table[f"{owner}.{name}"] = lambda name=name: getattr(empty, name)()
        for name in ["canceled", "completed", "completionFactor", "errorCode", "errorMessage"]:
            table[f"{owner}.{name}"] = lambda name=name: getattr(empty, name)

        def done(name):
            request = self.manager.requestVolumeSubset((0, 0, 0), (4, 4, 4))
            waited = request.waitForCompletion()
            return waited, getattr(request, name)

        for name in ["isCompleted", "isCanceled", "completionFactor", "errorCode", "errorMessage"]:
            table[f"{owner}.{name}/done"] = lambda name=name: done(name)
        return table

    def of_pages(self):
        owner, reading, mapped = "VolumeDataPageAccessor", self.reading, self.mapped
        chunks = range(reading.getChunkCount())
        position = np.array([33, 38, 12, 0, 0, 0], np.int32)
        low, high = np.zeros(6, np.int32), np.zeros(6, np.int32)

        def ends(pair):
            return [end[:3] for end in pair]

        def filled(call, *first):
            low[:], high[:] = 0, 0
            return call(*first, low, high), low[:3], high[:3]

        def edited():
            handle = self.fill(self.create("edited.vds"))
            pages = self.accessor(handle, self.mode.AccessMode_ReadWrite, pages=2)
            for chunk in (0, 3):
                page = pages.readPage(chunk)
                np.array(page.getWritableBuffer(), copy=False)[5, 5, 5:9] = [1.5, 2.5, 3.5, 4.5]
                page.getMinMax(low, high)
                page.updateWrittenRegion(low, high)
                page.release()
            pages.commit()
            self.access(handle).flush()
            self.o.close(handle)
            with self.o.open(self.path("edited.vds")) as again:
                manager = self.access(again)
                return [manager.requestVolumeSubset((0, 0, 0), SHAPE, lod=lod).data for lod in range(3)]

        def copied():
            handle = self.create("copied.vds")
            pages = self.accessor(handle, self.mode.AccessMode_Create)
            result = [pages.copyPage(chunk, reading) for chunk in chunks]
            pages.commit()
            self.o.close(handle)
            with self.o.open(self.path("copied.vds")) as again:
                manager = self.access(again)
                return result, manager.requestVolumeSubset((0, 0, 0), SHAPE).data

        def created():
            handle = self.create("created.vds")
            pages = self.accessor(handle, self.mode.AccessMode_CreateWithoutLODGeneration)
            page = pages.createPage(1)
            before = np.array(page.getBuffer())
            np.array(page.getWritableBuffer(), copy=False)[...] = 5
            twice = self.caught(lambda: pages.createPage(1))
            page.release()
            pages.commit()
            hashes = [pages.getChunkVolumeDataHash(chunk) != 0 for chunk in chunks]
            self.o.close(handle)
            return before, twice, hashes

        def wrote_coarser():
            handle = self.create("coarser.vds")
            for lod in range(2):
                pages = self.accessor(handle, self.mode.AccessMode_CreateWithoutLODGeneration, lod=lod)
                for chunk in range(pages.getChunkCount()):
                    page = pages.createPage(chunk)
                    np.array(page.getWritableBuffer(), copy=False)[...] = lod + 1.5
                    page.release()
                pages.commit()
            self.o.close(handle)
            with self.o.open(self.path("coarser.vds")) as again:
                manager = self.access(again)
                return [manager.requestVolumeSubset((0, 0, 0), (8, 8, 8), lod=lod).data for lod in range(2)]

        def limited():
            pages = self.accessor(self.volume, self.mode.AccessMode_ReadOnly, pages=1)
            return pages.setMaxPages(3), pages.getMaxPages()

        def referenced():
            pages = self.accessor(self.volume, self.mode.AccessMode_ReadOnly)
            return pages.addReference(), pages.removeReference()

        def released():
            return reading.readPage(0).release()

        return {
            owner: lambda: reading,
            f"{owner}.addReference": referenced,
            f"{owner}.removeReference": referenced,
            f"{owner}.commit": reading.commit,
            f"{owner}.copyPage": copied,
            f"{owner}.createPage": created,
            f"{owner}.createPage/coarser": wrote_coarser,
            f"{owner}.getChannelDescriptor": lambda: self.described(reading.getChannelDescriptor()),
            f"{owner}.getChannelIndex": lambda: (reading.getChannelIndex(), mapped.getChannelIndex()),
            f"{owner}.getChunkCount": lambda: (reading.getChunkCount(), mapped.getChunkCount()),
            f"{owner}.getChunkIndex": lambda: (
                reading.getChunkIndex(position),
                mapped.getChunkIndex(position),
                reading.getChunkIndex(position * 0 + 99),
                reading.getChunkIndex(position * 0 - 9),
            ),
            f"{owner}.getChunkIndex/short": lambda: reading.getChunkIndex(position[:3]),
            f"{owner}.getChunkIndicesInSuperChunk": lambda: [
                reading.getChunkIndicesInSuperChunk(i) for i in range(reading.getSuperChunkCount())
            ],
            f"{owner}.getChunkMinMax": lambda: [ends(reading.getChunkMinMax(chunk)) for chunk in chunks],
            f"{owner}.getChunkMinMax/filled": lambda: [filled(reading.getChunkMinMax, chunk) for chunk in chunks],
            f"{owner}.getChunkMinMaxExcludingMargin": lambda: [
                ends(reading.getChunkMinMaxExcludingMargin(chunk)) for chunk in chunks
            ],
            f"{owner}.getChunkMinMaxExcludingMargin/filled": lambda: [
                filled(reading.getChunkMinMaxExcludingMargin, chunk) for chunk in chunks
            ],
            f"{owner}.getChunkVolumeDataHash": lambda: [reading.getChunkVolumeDataHash(chunk) != 0 for chunk in chunks],
            f"{owner}.getChunkVolumeDataHash/beyond": lambda: reading.getChunkVolumeDataHash(99),
            f"{owner}.getLOD": reading.getLOD,
            f"{owner}.getLayout": lambda: reading.getLayout().numSamples,
            f"{owner}.getMappedChunkIndex": lambda: [
                [pages.getMappedChunkIndex(chunk) for chunk in chunks] for pages in (reading, mapped)
            ],
            f"{owner}.getMaxPages": reading.getMaxPages,
            f"{owner}.getNumSamples": lambda: (reading.getNumSamples(), mapped.getNumSamples()),
            f"{owner}.getNumSamples/filled": lambda: (reading.getNumSamples(low), low),
            f"{owner}.getPrimaryChannelChunkIndex": lambda: [
                [pages.getPrimaryChannelChunkIndex(chunk) for chunk in range(pages.getChunkCount())]
                for pages in (reading, mapped)
            ],
            f"{owner}.getSuperChunkCount": lambda: (reading.getSuperChunkCount(), mapped.getSuperChunkCount()),
            f"{owner}.readPage": lambda: [reading.readPage(chunk).getBuffer() for chunk in chunks],
            f"{owner}.readPage/edited": edited,
            f"{owner}.readPageAtPosition": lambda: ends(reading.readPageAtPosition(position).getMinMax()),
            f"{owner}.readPageAtPosition/outside": lambda: reading.readPageAtPosition(position * 0 + 99),
            f"{owner}.setMaxPages": limited,
            f"{owner}.superChunkCount": lambda: reading.superChunkCount,
            "VolumeDataPage": lambda: reading.readPage(0),
            "VolumeDataPage.getBuffer": lambda: [
                self.accessor(self.volume, self.mode.AccessMode_ReadOnly, channel).readPage(0).getBuffer()
                for channel in range(len(self.channels))
            ],
            "VolumeDataPage.getBuffer/coarser": lambda: [
                self.accessor(self.volume, self.mode.AccessMode_ReadOnly, channel, lod).readPage(0).getBuffer()
                for channel in (0, 3)
                for lod in (1, 2)
            ],
            "VolumeDataPage.getBuffer/other group": lambda: (
                self.accessor(self.volume, self.mode.AccessMode_ReadOnly, group=self.o.DimensionsND.Dimensions_01)
                .readPage(3)
                .getBuffer()
            ),
            "VolumeDataPage.getError": lambda: self.fields(reading.readPage(0).getError(), "errorCode errorMessage"),
            "VolumeDataPage.getMinMax": lambda: ends(reading.readPage(1).getMinMax()),
            "VolumeDataPage.getMinMax/filled": lambda: filled(reading.readPage(1).getMinMax),
            "VolumeDataPage.getMinMaxExcludingMargin": lambda: ends(reading.readPage(1).getMinMaxExcludingMargin()),
            "VolumeDataPage.getMinMaxExcludingMargin/filled": lambda: filled(
                reading.readPage(1).getMinMaxExcludingMargin
            ),
            "VolumeDataPage.getVolumeDataPageAccessor": lambda: (
                reading.readPage(0).getVolumeDataPageAccessor() is reading
            ),
            "VolumeDataPage.getWritableBuffer": lambda: reading.readPage(0).getWritableBuffer(),
            "VolumeDataPage.release": released,
            "VolumeDataPage.updateWrittenRegion": edited,
            "VolumeDataPage.updateWrittenRegion/short": lambda: (
                self.accessor(self.volume, self.mode.AccessMode_ReadOnly)
                .readPage(0)
                .updateWrittenRegion(position[:3], position[:3])
            ),
        }

    def caught(self, call):
        try:
            return shown(call())
        except Exception as error:  # noqa: BLE001 - whatever it is, is told
            return f"!! {kind(self.o, error)}"


def main(module, folder):
    o = importlib.import_module(module)
    program = Program(o, Path(folder))
    program.prepare()
    for name, call in program.calls().items():
        print(f"{name} = {program.caught(call)}", flush=True)  # noqa: T201
    o.close(program.volume)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
