"""The OpenVDS API beside volumes: functions without one, what cannot be created, wrong arguments, errors."""

import struct

import numpy as np
import pytest

import mdio_vds as openvds
from mdio.exceptions import MDIONotFoundError, StorageError
from mdio_vds import (
    CompressionMethod,
    DimensionsND,
    MetadataContainer,
    VolumeDataAxisDescriptor,
    VolumeDataChannelDescriptor,
    VolumeDataComponents,
    VolumeDataFormat,
    VolumeDataLayoutDescriptor,
    VolumeDataMapping,
)
from mdio_vds.facade.errors import ReadErrorException_, runtime_errors
from mdio_vds.facade.exceptions import InvalidArgument, InvalidOperation, ReadErrorException
from mdio_vds.facade.super_chunks import SuperChunks
from mdio_vds.partition import Partition

Channel = VolumeDataChannelDescriptor
Flags = Channel.Flags
Format, Components = VolumeDataFormat, VolumeDataComponents
Layout = VolumeDataLayoutDescriptor
Method = CompressionMethod


def axes(*sizes):
    return [VolumeDataAxisDescriptor(n, f"axis {i}", "", 0.0, max(n - 1.0, 1.0)) for i, n in enumerate(sizes)]


def channel(name="Amplitude", format=Format.Format_R32, *more):
    return Channel(format, Components.Components_1, name, "", 0.0, 255.0, *more)


def layout(negative=0, positive=0, multiplier=4, full=None):
    given = (Layout.BrickSize.BrickSize_32, negative, positive, multiplier, Layout.LODLevels.LODLevels_None)
    if full is None:
        return Layout(*given, Layout.Options.Options_None)
    return Layout(*given, Layout.Options.Options_ForceFullResolutionDimension, full)


def create(url, *, of=None, on=None, channels=None):
    channels = [channel()] if channels is None else channels
    return openvds.create(
        str(url), "", of or layout(), on or axes(40, 35, 33), channels, MetadataContainer(), Method(0), 0.01
    )


class TestFunctions:
    def test_levels_of_detail_have_half_the_voxels_rounded_up(self):
        # 10 voxels, of which level 1 keeps 0, 2, 4, 6, 8 and level 2 keeps 0, 4, 8; without a partial one 4 + 4.
        assert [openvds.getLODSize(0, 10, lod) for lod in (0, 1, 2)] == [10, 5, 3]
        assert openvds.getLODSize(0, 10, 2, False) == 2

    def test_methods(self):
        wavelet = [m for m in range(7) if openvds.compressionMethod_IsWavelet(Method(m))]
        assert {Method(m).name: m for m in wavelet} == {
            "Wavelet": 1,
            "WaveletNormalizeBlock": 4,
            "WaveletLossless": 5,
            "WaveletNormalizeBlockLossless": 6,
        }
        assert openvds.isCompressionMethodSupported(Method.Zip)
        assert not openvds.isCompressionMethodSupported(Method(77))

    @pytest.mark.parametrize(
        ("hash", "said"),
        [
            (0, (False, False, False)),
            (0xFFFF_FFFF_FFFF_FFFF, (True, True, True)),
            (0x0101_0101_0000_0000 | struct.unpack("<I", struct.pack("<f", 2.5))[0], (True, True, False)),
            (0x1234_5678_9ABC_DEF0, (True, False, False)),
        ],
    )
    def test_hashes_tell_what_a_chunk_is(self, hash, said):
        asked = openvds.volumeDataHash_IsDefined, openvds.volumeDataHash_IsConstant, openvds.volumeDataHash_IsNoValue
        assert tuple(ask(hash) for ask in asked) == said

    @pytest.mark.parametrize("hash", [-1, 1 << 64])
    def test_a_hash_has_64_bits(self, hash):
        with pytest.raises(TypeError, match="64 bits"):
            openvds.volumeDataHash_IsDefined(hash)

    @pytest.mark.parametrize(
        ("url", "known"), [("S3://b/k", True), ("azure://c/b", True), ("ftp://x/y", False), ("/tmp/x", False)]
    )
    def test_protocols(self, url, known):
        assert openvds.isSupportedProtocol(url) is known

    def test_who_this_is(self):
        from importlib.metadata import version

        assert (openvds.getOpenVDSName(), openvds.getOpenVDSRevision()) == ("mdio-vds", "")
        assert openvds.getOpenVDSVersion() == version("mdio-vds")
        assert openvds.getGlobalState().getBytesDownloaded(openvds.OpenOptions.ConnectionType.AWS) == 0

    def test_flags_of_one_kind_are_joined(self):
        both = openvds.operator_bor(Flags.NotRenderable, Flags.DiscreteData)
        assert type(both) is type(Flags.NotRenderable)
        assert int(both) == int(Flags.NotRenderable) | int(Flags.DiscreteData)
        with pytest.raises(TypeError, match="of one kind"):
            openvds.operator_bor(Flags.NotRenderable, Layout.Options.Options_None)


class TestWhatCannotBeCreated:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"on": axes(*[4] * 7)}, "Dimensionality_Max is 6"),
            ({"on": axes(4)}, "at least 2 axes"),
            ({"on": axes(4, 0)}, "number of samples"),
            ({"of": layout(-1, 0)}, "Invalid negative margin"),
            ({"of": layout(16, 16)}, "Invalid negative margin"),
            ({"of": layout(0, -1)}, "Invalid positive margin"),
            ({"of": layout(multiplier=0)}, "2D brick size multiplier"),
            ({"of": layout(full=3)}, "Full resolution dimension"),
            ({"channels": []}, "at least one channel"),
            ({"channels": [channel(format=Format.Format_Any)]}, "needs a format"),
            ({"channels": [channel("A"), channel("A")]}, "unique"),
            ({"channels": [channel("A"), channel("")]}, "must be named"),
            (
                {"channels": [channel("A", Format.Format_U8, VolumeDataMapping.PerTrace, 2, Flags.Default, 1.0, 0.0)]},
                "direct mapped",
            ),
            ({"channels": [channel("A", Format.Format_U8, Flags.NotRenderable)]}, "must be renderable"),
            (
                {
                    "channels": [
                        channel("A"),
                        channel("B", Format.Format_U8, VolumeDataMapping.PerTrace, 0, Flags.Default, 1.0, 0.0),
                    ]
                },
                "at least one value",
            ),
        ],
    )
    def test_is_refused_and_leaves_nothing(self, tmp_path, given, message):
        with pytest.raises((RuntimeError, InvalidArgument), match=message):
            create(tmp_path / "x.vds", **given)
        assert not list(tmp_path.iterdir())


class TestArguments:
    @pytest.mark.parametrize(
        "given", [(["a"], 1), ("a", 2**31), ("a", 1.5), (7, 1), ("a", True, None), ("a",), ("a", 1, "b")]
    )
    def test_that_do_not_fit_are_named_with_what_would(self, given):
        with pytest.raises(TypeError, match="incompatible constructor arguments") as caught:
            ReadErrorException_(*given)
        assert "1. (errorMessage: str, errorCode: int)" in str(caught.value)
        assert "Invoked with: " in str(caught.value)

    def test_text_may_be_bytes(self):
        assert ReadErrorException_(b"cut", 3).getErrorMessage() == "cut"

    @pytest.mark.parametrize("number", ["0", b"0", Components.Components_1, None, [1]])
    def test_numbers_are_neither_text_nor_names(self, number):
        with pytest.raises(TypeError, match="incompatible constructor"):
            VolumeDataAxisDescriptor(4, "a", "", number, 1.0)


class TestErrors:
    def test_as_values(self):
        one, two = ReadErrorException_("cut off", 7), ReadErrorException_("", 0)
        assert two.operator_assign(one) is two
        assert (two.getErrorMessage(), two.getErrorCode()) == ("cut off", 7)
        with pytest.raises(ReadErrorException) as caught:
            ReadErrorException_(two).reRaise()
        assert caught.value.args == ("cut off", 7)
        assert repr(openvds.VDSError()) == "Error(code=0, string='')"

    def test_of_the_toolkit_become_runtime_errors_that_keep_the_hint(self):
        with pytest.raises(RuntimeError, match=r"^no room.*free some"), runtime_errors():
            raise StorageError("no room", hint="free some")

    @pytest.mark.parametrize("kind", [InvalidArgument, InvalidOperation, ReadErrorException])
    def test_of_the_api_stay_what_they_are(self, kind):
        with pytest.raises(kind) as caught, runtime_errors():
            raise kind("as it is")
        assert type(caught.value) is kind


class TestIOManager:
    def test_reads_writes_and_lists(self, tmp_path):
        manager = openvds.IOManager(str(tmp_path))
        manager.write("a/one", b"0123456789")
        manager.write("two", b"x")
        assert manager.read("a/one") == b"0123456789"
        assert manager.read("a/one", 4) == b"456789"
        assert manager.read("a/one", 2, 3) == b"234"
        assert manager.size("a/one") == 10
        assert sorted(manager.list()) == [("a/one", 10), ("two", 1)]
        assert sorted(manager.list("a")) == [("a/one", 10)]
        with pytest.raises(MDIONotFoundError):
            manager.size("three")

    def test_of_options_and_of_a_store(self, tmp_path):
        (tmp_path / "x").write_bytes(b"whole")
        of_options = openvds.IOManager(openvds.VDSFileOpenOptions(str(tmp_path / "x")))
        assert of_options.read() == b"whole"
        assert openvds.IOManager(of_options.store).size() == 5


class TestSuperChunks:
    SAMPLES = (100, 70, 40, 1, 1, 1)

    def test_where_the_layer_is_stored_are_its_chunks(self):
        stored = Partition(self.SAMPLES, (0, 1, 2), (32, 32, 32, 1, 1, 1), 0, 0)
        blocks = SuperChunks(stored, stored)
        assert blocks.count == 4 * 3 * 2
        assert [blocks.chunks(n) for n in (0, 23, 24, -1)] == [[0], [23], [], []]

    def test_of_a_remapped_layer_share_stored_chunks(self):
        stored = Partition(self.SAMPLES, (0, 1, 2), (32, 32, 32, 1, 1, 1), 0, 0)
        wanted = Partition(self.SAMPLES, (0, 1), (64, 64, 1, 1, 1, 1), 0, 0)
        blocks = SuperChunks(wanted, stored)
        # Slices of 64 × 64 out of bricks of 32³: two by two of them in 32 slices that come from the same bricks.
        assert blocks.count == 2 * 2 * 2
        per_slice = 2 * 2
        assert blocks.chunks(0) == [z * per_slice for z in range(32)]
        assert blocks.chunks(7) == [z * per_slice + 3 for z in range(32, 40)]
        every = [chunk for block in range(blocks.count) for chunk in blocks.chunks(block)]
        assert sorted(every) == list(range(wanted.total))


class TestManagers:
    @pytest.fixture
    def handle(self, tmp_path):
        with create(tmp_path / "x.vds") as handle:
            yield handle

    def test_buffers_have_room_for_what_is_asked_for(self, handle):
        manager = openvds.getAccessManager(handle)
        low, high = (0, 0, 0, 0, 0, 0), (10, 6, 4, 1, 1, 1)
        made = [
            manager.allocateVolumeSubsetBuffer(low, high),
            manager.allocateVolumeSubsetBuffer(low, high, Format.Format_U8, 1),
            manager.allocateVolumeSamplesBuffer(7),
            manager.allocateVolumeTracesBuffer(3, 0),
            manager.allocateVolumeTracesBuffer(3, 0, 1),
        ]
        assert [(a.size, a.dtype.name) for a in made] == [
            (240, "float32"), (5 * 3 * 2, "uint8"), (7, "float32"), (120, "float32"), (60, "float32"),
        ]  # fmt: skip
        flat = manager.allocateProjectedVolumeSubsetBuffer(low, high, DimensionsND.Dimensions_02)
        assert flat.size == 10 * 4

    def test_other_groups_of_what_is_stored_cannot_be_written(self, handle):
        mode = openvds.VolumeDataPageAccessor.AccessMode
        manager = openvds.getAccessManager(handle)
        with pytest.raises(InvalidOperation):
            manager.createVolumeDataPageAccessor(DimensionsND.Dimensions_01, 0, 0, 4, mode.AccessMode_ReadWrite)

    def test_an_open_vds_stays_in_its_process(self, handle):
        import pickle

        with pytest.raises(TypeError, match="pickle an open VDS"):
            pickle.dumps(handle)


def test_a_closed_vds_says_so(tmp_path):
    handle = create(tmp_path / "x.vds")
    accessor = openvds.getAccessManager(handle).createVolumeDataPageAccessor(
        DimensionsND.Dimensions_012, 0, 0, 8, openvds.VolumeDataPageAccessor.AccessMode.AccessMode_Create
    )
    for chunk in range(accessor.getChunkCount()):
        page = accessor.createPage(chunk)
        np.asarray(page.getWritableBuffer())[...] = chunk
        page.release()
    accessor.commit()
    openvds.close(handle)
    with pytest.raises(RuntimeError):
        openvds.getAccessManager(handle).requestVolumeSubset((0, 0, 0), (4, 4, 4))


def test_google_options():
    token = openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsToken("t"))
    assert not token.setSignedUrl()
    plain = openvds.GoogleOpenOptions("b", "p")
    assert plain.setSignedUrl()
    assert int(plain.credentialsType) & int(openvds.GoogleOpenOptions.CredentialsType.SignedUrl)
    path = openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsSignedUrlPath("eu", "/keys.json"))
    assert (path.credentials, path.region) == ("/keys.json", "eu")
    assert openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsSignedUrl("eu")).region == "eu"
    assert openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsPath("/k.json")).credentials == "/k.json"
    assert openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsJson("{}")).credentials == "{}"
