"""The other contracts of the kit, on adapters of the core; and every contract goes red on what breaks it."""

from __future__ import annotations

import fsspec
import numpy as np
import pytest
from numcodecs import Blosc

import mdio.testing
from mdio.core.table import HeaderTable
from mdio.core.volume import Creation, Patches
from mdio.exceptions import GridOverrideKeysError
from mdio.storage.local import LocalStore
from mdio.storage.remote import RemoteStore
from mdio.testing import (
    CodecContract,
    GridOverrideContract,
    PluginContract,
    ReaderContract,
    StorageContract,
    WriterContract,
    synthetic,
)
from mdio.testing.memory import MemoryTarget, MemoryVolume


class TestLocalStore(StorageContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(tmp_path / "store")


class TestRemoteStore(StorageContract):
    @pytest.fixture
    def store(self, tmp_path):
        url = f"memory://contract-{tmp_path.name}"
        filesystem = fsspec.filesystem("memory")
        return RemoteStore(filesystem, filesystem._strip_protocol(url), url)


class TestStockBlosc(CodecContract):
    dtypes = ("f4", "i2", "u1")

    @pytest.fixture
    def codec(self):
        return Blosc("zstd", 1)


class TestBuiltin(PluginContract):
    module = "mdio.plugins.builtin"


def lines_of_two(table, params):
    """A small override: pairs of traces share a line."""
    if "trace" not in table.names:
        raise GridOverrideKeysError("needs the key 'trace'")
    return table.replace(line=table.columns["trace"] // 2)


class TestOverride(GridOverrideContract):
    keys = ("trace",)
    adds = "line"

    @pytest.fixture
    def apply(self):
        return lines_of_two

    @pytest.fixture
    def table(self):
        return HeaderTable({"trace": np.arange(10), "offset": np.arange(10) * 2})


def test_names_load_when_asked_for():
    for name in mdio.testing.__all__:
        assert getattr(mdio.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="Contract"):
        mdio.testing.NoContract  # noqa: B018


def holed():
    return synthetic.volume(
        (6, 5, 9),
        live=lambda i, x: (i + x) % 4 > 0,
        patches=Patches(np.array([46, 48, 200], dtype=np.int64), np.array([7, 8, 9], dtype=np.uint32)),
    )


def broken(name, function):
    """Return a volume of which one method does something else."""
    volume = holed()
    original = getattr(volume, name)
    setattr(volume, name, lambda region: function(original, region))
    return volume


def first_sample_of_regions_is_wrong(original, region):
    samples = original(region)
    if region.size < 270:
        samples.flat[0] += 1
    return samples


def test_the_volume_that_is_broken_below_is_sound():
    contract = ReaderContract()
    for name in dir(contract):
        if name.startswith("test_"):
            getattr(contract, name)(holed())


@pytest.mark.parametrize(
    ("test", "make"),
    [
        ("any_region_equals_the_slice_of_the_whole", lambda: broken("samples", first_sample_of_regions_is_wrong)),
        ("any_region_equals_the_slice_of_the_whole", lambda: broken("order", lambda f, r: f(r) - r.start[0])),
        ("arrays_have_the_types_of_the_schema", lambda: broken("samples", lambda f, r: f(r).astype(">f4"))),
        ("arrays_have_the_types_of_the_schema", lambda: broken("live", lambda f, r: np.asfortranarray(f(r)))),
        ("dead_traces_are_empty", lambda: broken("samples", lambda f, r: f(r) + 1)),
        ("dead_traces_are_empty", lambda: broken("order", lambda f, r: np.maximum(f(r), 0))),
        ("order_is_as_the_metadata_say", lambda: broken("order", lambda f, r: f(r) + 1)),
        ("order_is_as_the_metadata_say", lambda: broken("order", lambda f, r: np.minimum(f(r), 5))),
        ("read_gives_all_parts_of_a_region", lambda: broken("read", without_headers)),
        ("results_belong_to_the_caller", lambda: broken("read", lambda f, r: shared(f, r))),
        ("patches_of_a_region_are_those_of_the_whole", lambda: broken("read", without_patches)),
        ("trace_count_is_true_where_it_is_known", lambda: with_metadata(trace_count=3)),
        ("metadata_are_plain", lambda: with_metadata(identity={"size": np.int64(3)})),
        ("metadata_are_plain", lambda: with_metadata(text=("short",))),
        ("pickles", lambda: broken("close", None)),
        ("close_may_be_called_again", lambda: closes_once()),
    ],
)
def test_reader_contract_sees(test, make):
    with pytest.raises((AssertionError, RuntimeError, AttributeError, TypeError, pytest.fail.Exception)):
        getattr(ReaderContract(), f"test_{test}")(make())


KEPT = {}


def shared(original, region):
    return KEPT.setdefault(region, original(region))


def without_headers(original, region):
    block = original(region)
    block.headers = np.zeros_like(block.headers)
    return block


def without_patches(original, region):
    block = original(region)
    if region.size < 270:
        block.patches = None
    return block


def with_metadata(**changes):
    volume = holed()
    volume.schema = volume.schema.with_metadata(**changes)
    return volume


def closes_once():
    volume = holed()
    closed = []

    def close():
        if closed:
            raise RuntimeError("closed before")
        closed.append(True)

    volume.close = close
    return volume


class Sloppy(MemoryTarget):
    """A target whose sinks do one thing wrong."""

    def __init__(self, wrong):
        super().__init__()
        self.wrong = wrong

    def create(self, like, creation=None, chunks=()):
        if self.wrong == "replaces":
            creation = Creation(overwrite=True)
        sink = super().create(like, creation, (4, 4, 32))
        write, abort = sink.write, sink.abort
        if self.wrong == "opens early":
            self.volume = MemoryVolume(like.schema, sink._samples, sink._headers, sink._live)
        if self.wrong == "adds":

            def write_sum(block):
                block.samples += sink._samples[block.region.slices]
                return write(block)

            sink.write = write_sum
        if self.wrong == "keeps on abort":

            def commit_instead():
                sink.commit({})
                abort()

            sink.abort = commit_instead
        if self.wrong == "bad receipt":
            sink.write = lambda block: write(block) | {"region": block.samples}
        if self.wrong == "forgets headers":

            def headless(block):
                block.headers = None
                return write(block)

            sink.write = headless
        return sink


@pytest.mark.parametrize(
    ("test", "wrong", "more"),
    [
        ("order_of_blocks_does_not_matter", "adds", ("twice",)),
        ("the_engine_fills_it", "forgets headers", ()),
        ("nothing_opens_before_commit", "opens early", ()),
        ("abort_leaves_nothing", "keeps on abort", ()),
        ("a_complete_target_is_not_replaced_unasked", "replaces", ()),
        ("receipts_can_be_checked", "bad receipt", None),
    ],
)
def test_writer_contract_sees(test, wrong, more):
    target = Sloppy(wrong)
    source = synthetic.volume((13, 9, 71), live=lambda i, x: (i * x) % 7 != 3)
    arguments = (target.create, source) if more is None else (target.create, target.open, source, *more)
    with pytest.raises((AssertionError, pytest.fail.Exception, TypeError)):
        getattr(WriterContract(), f"test_{test}")(*arguments)


@pytest.mark.parametrize(
    ("test", "make", "advice"),
    [
        ("has_all_methods", lambda: object(), "object lacks schema, samples"),
        (
            "arrays_have_the_types_of_the_schema",
            lambda: broken("headers", lambda f, r: None),
            "headers returns NoneType",
        ),
        ("order_is_as_the_metadata_say", lambda: broken("order", lambda f, r: f(r) + 1), r'TraceOrder\("mapped"\)'),
        ("trace_count_is_true_where_it_is_known", lambda: with_metadata(trace_count=3), "-1 says it is not known"),
        ("pickles", lambda: broken("close", lambda f, r: None), "__reduce__"),
        ("results_belong_to_the_caller", lambda: broken("read", lambda f, r: shared(f, r)), "return copies"),
    ],
)
def test_reader_contract_says_what_to_do(test, make, advice):
    with pytest.raises((AssertionError, pytest.fail.Exception), match=advice):
        getattr(ReaderContract(), f"test_{test}")(make())


def test_writer_contract_says_what_to_do():
    source = synthetic.volume((13, 9, 71), live=lambda i, x: (i * x) % 7 != 3)
    for test, wrong, advice in (
        ("nothing_opens_before_commit", "opens early", "opens before the commit: build it under another name"),
        ("abort_leaves_nothing", "keeps on abort", "opens after abort"),
        ("a_complete_target_is_not_replaced_unasked", "replaces", "require_target"),
    ):
        target = Sloppy(wrong)
        with pytest.raises((AssertionError, pytest.fail.Exception), match=advice):
            getattr(WriterContract(), f"test_{test}")(target.create, target.open, source)


def impure(table, params):
    table.columns["trace"][:] += 1
    return table.replace(line=table.columns["trace"])


def test_override_contract_sees_a_change_of_its_input():
    table = HeaderTable({"trace": np.arange(10)})
    with pytest.raises(AssertionError, match="modified"):
        GridOverrideContract().test_is_a_pure_function(impure, table, {})


def test_override_contract_takes_the_error_of_a_look_up():
    class Keyed(GridOverrideContract):
        keys = ("line", "trace")

    def by_line(table, params):
        return table.replace(trace=table.columns["trace"] - 100 * table.columns["line"])

    table = HeaderTable({"line": np.array([1, 1, 2]), "trace": np.array([101, 102, 201])})
    Keyed().test_a_missing_key_is_named(by_line, table, {})

    class Needless(GridOverrideContract):
        keys = ("line",)

    with pytest.raises(pytest.fail.Exception):
        Needless().test_a_missing_key_is_named(lambda table, params: table, table, {})


def test_codec_contract_says_how_zarr_finds_a_codec():
    class Unknown(Blosc):
        codec_id = "mdio_test_unknown"

        def __reduce__(self):
            return Blosc, ()

    with pytest.raises(AssertionError, match=r"numcodecs\.codecs") as caught:
        CodecContract().test_configuration_makes_the_same_codec(Unknown())
    assert 'mdio_test_unknown = "' in str(caught.value)

    class Undeclared(CodecContract):
        registered = False

    Undeclared().test_configuration_makes_the_same_codec(Unknown())


def test_codec_contract_sees_losses():
    class Lossy(Blosc):
        def decode(self, buf, out=None):
            data = np.frombuffer(super().decode(buf), np.uint8).copy()
            data[-1] ^= 1
            return data

    with pytest.raises(AssertionError):
        CodecContract().test_round_trip(Lossy(), (3, 5))

    class Patient(Blosc):
        def decode(self, buf, out=None):
            return bytes(16**3 * 4)

    with pytest.raises(pytest.fail.Exception):
        CodecContract().test_a_cut_frame_is_an_error(Patient(), 0.5)


def test_plugin_contract_sees_heavy_imports(tmp_path, monkeypatch):
    (tmp_path / "heavy_plugin.py").write_text("import numpy\nfrom mdio.plugins import hookimpl\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))

    class Heavy(PluginContract):
        module = "heavy_plugin"

    with pytest.raises(AssertionError, match="numpy"):
        Heavy().test_importing_it_is_light()
    with pytest.raises(AssertionError):
        Heavy().test_hooks_give_what_they_are_for()
