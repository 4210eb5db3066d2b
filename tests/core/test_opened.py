"""What ``mdio.open`` returns: the volume of the plugin with doors, and nothing taken away."""

import base64
import pickle
import re
import struct
import subprocess
import sys
import types
import zlib

import numpy as np
import pytest
from segy_bytes import grid, segy

import mdio
from mdio.api.live_map import live_ends, live_share
from mdio.api.opened import OpenVolume
from mdio.api.png import grey_png
from mdio.api.task_chunks import task_chunks
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.core.volume import Volume, lengths_of
from mdio.exceptions import MDIOError, ShapeError
from mdio.testing import synthetic


@pytest.fixture
def stack(tmp_path):
    """Two inlines of three crosslines; sample j of trace i is 10 * i + j."""
    inline, crossline = grid(2, 3)
    values = (10 * np.arange(6)[:, None] + np.arange(5)).astype("f4")
    path = tmp_path / "stack.sgy"
    path.write_bytes(segy({189: inline, 193: crossline}, values, code=5))
    with mdio.open(path, options={"header_locations": [189, 193], "header_names": ["inline", "crossline"]}) as volume:
        yield volume


class TestVolume:
    def test_it_is_the_volume_of_its_format(self, stack):
        assert isinstance(stack, OpenVolume)
        assert isinstance(stack, Volume)
        assert type(stack.inner).__name__ == "SegyVolume"
        whole = stack.schema.region
        assert stack.samples(whole)[1, 2].tolist() == [50, 51, 52, 53, 54]
        assert stack.live(whole.spatial).all()
        assert stack.order(whole.spatial).tolist() == [[0, 1, 2], [3, 4, 5]]
        assert stack.schema.headers.values(stack.headers(whole.spatial), "193").tolist() == [[200, 201, 202]] * 2
        block = stack.read(Region([(1, 2), (0, 1), (2, 4)]))
        assert block.samples.tolist() == [[[32, 33]]]
        assert (stack.shape, [dim.name for dim in stack.dims]) == ((2, 3, 5), ["inline", "crossline", "sample"])

    def test_everything_else_goes_through(self, stack):
        assert stack.layout is stack.inner.layout
        assert "layout" in dir(stack)
        assert lengths_of(stack, Region([(0, 1), (0, 1)])) is None
        with pytest.raises(AttributeError, match="nonsense"):
            stack.nonsense  # noqa: B018
        assert not hasattr(OpenVolume(synthetic.volume((2, 3, 4))), "lengths")

    def test_protocols_of_python_are_its_own(self):
        class Inner(type(synthetic.volume((2, 3, 4)))):
            def __array__(self, dtype=None, copy=None):
                raise AssertionError

        inner = synthetic.volume((2, 3, 4))
        inner.__class__ = Inner
        assert not hasattr(OpenVolume(inner), "__array__")
        with pytest.raises(AttributeError, match="inner"):
            OpenVolume.__new__(OpenVolume).schema  # noqa: B018 - half made, as by copy

    def test_the_door_of_plugins_stays_bare(self, stack, tmp_path):
        from mdio.convert import open as open_bare

        volume = open_bare(tmp_path / "stack.sgy")
        assert type(volume) is type(stack.inner)
        volume.close()

    def test_pickle(self, stack):
        again = pickle.loads(pickle.dumps(stack))
        assert again.samples(Region([(0, 1), (1, 2), (0, 5)])).tolist() == [[[10, 11, 12, 13, 14]]]
        assert again.source == stack.source
        again.close()

    def test_the_block_closes(self):
        closed = []
        inner = synthetic.volume((2, 3, 4))
        inner.close = lambda: closed.append(1)
        with OpenVolume(inner) as volume:
            assert not closed
        assert closed == [1]
        volume.close()

    def test_secrets_are_not_shown(self, monkeypatch):
        inner = synthetic.volume((2, 3, 4))
        monkeypatch.setattr("mdio.api.opened.open_volume", lambda url, **_: inner)
        opened = mdio.open("https://me:secret@host/x.mdio?sig=alsosecret")
        assert opened.source == "https://host/x.mdio"
        assert "secret" not in repr(opened) + opened._repr_html_()


def test_repr(stack):
    assert repr(stack) == (
        f"<SegyVolume {stack.source!r}: inline 2 (100 … 101), crossline 3 (200 … 202), sample 5 (0 … 16 ms), float32>"
    )
    lonely = synthetic.volume((1, 4), dims=[Dimension([7], "cdp"), Dimension.regular("depth", 0.5, 0.25, 4, "m")])
    assert "cdp 1 (7), depth 4 (0.5 … 1.25 m)" in repr(OpenVolume(lonely))


def pixels_of(png):
    """Decode an 8-bit grey PNG whose rows are not filtered; every chunk's sum is checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(name + data),)
        chunks[name] = data
        at += 12 + size
    width, height, *kind = struct.unpack(">2I5B", chunks[b"IHDR"])
    assert kind == [8, 0, 0, 0, 0]
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), "u1").reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


class TestHtml:
    def test_png(self):
        pixels = np.arange(6, dtype="u1").reshape(2, 3) * 50
        assert pixels_of(grey_png(pixels)).tolist() == pixels.tolist()

    def test_png_is_read_by_others(self):
        image = pytest.importorskip("matplotlib.image", reason="an independent PNG reader")
        import io

        pixels = np.arange(6, dtype="u1").reshape(2, 3) * 50
        assert np.round(image.imread(io.BytesIO(grey_png(pixels))) * 255).tolist() == pixels.tolist()

    def test_table_and_map(self):
        live = np.ones((3, 4), bool)
        live[1, 2] = False
        inner = synthetic.volume((3, 4, 8), live=live)
        inner.schema = inner.schema.with_metadata(statistics={"min": -5.0, "max": 5.25, "std": 2.0})
        html = OpenVolume(inner, "a&b<c>.mdio")._repr_html_()
        text = re.sub("<[^>]*>", "|", html)
        assert "a&amp;b&lt;c&gt;.mdio (MemoryVolume)" in text
        for part in ("3: 100 … 102", "8: 0 … 28 ms", "11 in 12 cells", "min -5, max 5.25, std 2", "float32, 384 bytes"):
            assert part in text
        pixels = pixels_of(base64.b64decode(re.search('base64,([^"]*)"', html)[1]))
        assert pixels.shape == (3, 4)
        dead = pixels[1, 2]
        assert (pixels == dead).sum() == 1
        assert (pixels[live] < dead).all()

    def test_nothing_of_the_data_is_taken_for_html(self):
        evil = "<script>alert('x')</script>"
        dims = [Dimension([1, 2], evil), Dimension.regular("sample", 0, 1, 4, evil)]
        html = OpenVolume(synthetic.volume((2, 4), dims=dims), evil)._repr_html_()
        assert "<script" not in html
        assert html.count("&lt;script&gt;") == 3

    def test_shares(self):
        live = np.zeros((4, 400), bool)
        live[0, :2] = live[2, 2] = True
        share = live_share(synthetic.volume((4, 400, 2), live=live), 2, 200)
        # Each pixel is 2 × 2 cells: two of four at the corner, one of four beside it in the second row.
        assert share.shape == (2, 200)
        assert (share[0, 0], share[1, 1], share.sum()) == (0.5, 0.25, 0.75)

    def test_lines_and_gathers_have_maps(self):
        assert live_share(synthetic.volume((5, 4))).tolist() == [[1, 1, 1, 1, 1]]
        live = np.zeros((2, 3, 4), bool)
        live[1, 2, :1] = True
        assert live_share(synthetic.volume((2, 3, 4, 2), live=live)).tolist() == [[0, 0, 0], [0, 0, 0.25]]
        assert live_share(synthetic.volume((0, 3, 2))) is None

    def test_large_grids_are_not_read(self, monkeypatch):
        monkeypatch.setattr("mdio.api.live_map._MAPPED", 5)
        inner = synthetic.volume((2, 3, 4))
        inner.live = None
        inner.schema = inner.schema.with_metadata(trace_count=-1)
        html = OpenVolume(inner)._repr_html_()
        assert "<img" not in html
        assert "unknown number in 6 cells" in html


@pytest.mark.parametrize("piece", [1 << 20, 5, 1])
def test_first_live_traces(monkeypatch, piece):
    monkeypatch.setattr("mdio.api.live_map._PIECE", piece)
    live = np.zeros((3, 4), bool)
    live[1, 2] = live[1, 3] = live[2, 0] = True
    cells = live_ends(synthetic.volume((3, 4, 2), live=live))
    assert cells[0] == ((1, 2), (2, 3))
    assert all(live[cell.start] for cell in cells)
    assert live_ends(synthetic.volume((3, 4, 2), live=~live & live)) == []


class TestDask:
    @pytest.fixture(autouse=True)
    def _dask(self):
        pytest.importorskip("dask.array", reason="the extra 'distributed'")

    def test_values(self):
        inner = synthetic.volume((4, 6, 8), chunks=(1, 2, 8))
        reads = []
        samples = inner.samples
        inner.samples = lambda region: reads.append(region) or samples(region)
        array = OpenVolume(inner).to_dask(chunks=(2, 6, 4))
        assert (array.shape, array.dtype, array.chunks) == ((4, 6, 8), np.dtype("f4"), ((2, 2), (6,), (4, 4)))
        assert not reads
        # Flat position 1 * 48 + 2 * 8 + 3 = 67 is odd: -(1 + 67).
        assert array[1, 2, 3].compute() == -68
        assert reads
        assert np.array_equal(array.compute(), synthetic.formula((4, 6, 8)))

    def test_chunks(self):
        volume = OpenVolume(synthetic.volume((4, 6, 8), chunks=(1, 2, 8)))
        assert volume.to_dask().numblocks == (1, 1, 1)
        assert volume.to_dask({"inline": 1, "sample": -1}).chunksize == (1, 6, 8)
        assert volume.to_dask([-1, 3, 100]).chunksize == (4, 3, 8)
        for chunks, words in (
            ({"inlne": 1}, "did you mean inline"),
            ((1, 2), "2 chunk lengths for 3"),
            ((1, 0, 2), "0 crossline a task"),
        ):
            with pytest.raises(ShapeError, match=words):
                volume.to_dask(chunks)

    def test_tasks_are_worth_their_while(self):
        schema = synthetic.volume((3, 5, 8), chunks=(1, 1, 8)).schema
        # A trace has 32 bytes: 100 bytes need 4 of them, 200 bytes all 5 crosslines and then 2 inlines.
        assert task_chunks(schema, 32) == (1, 1, 8)
        assert task_chunks(schema, 100) == (1, 4, 8)
        assert task_chunks(schema, 200) == (2, 5, 8)
        assert task_chunks(schema) == (3, 5, 8)

    def test_a_volume_is_not_pickled_for_a_name(self):
        from dask.base import tokenize

        class Large(type(synthetic.volume((2, 3, 4)))):
            def __reduce__(self):
                raise AssertionError

        inner = synthetic.volume((2, 3, 4))
        inner.__class__ = Large
        one, other = OpenVolume(inner), OpenVolume(inner)
        assert tokenize(one) == tokenize(one) != tokenize(other)

    def test_pickled_array(self, stack):
        array = pickle.loads(pickle.dumps(stack.to_dask()))
        assert array[1, 0].compute(scheduler="sync").tolist() == [30, 31, 32, 33, 34]


@pytest.mark.parametrize(
    ("call", "package"),
    [(lambda v: v.to_xarray(), "xarray"), (lambda v: v.to_dask(), "dask"), (lambda v: v.plot(), "matplotlib")],
)
def test_what_is_missing_is_named(monkeypatch, call, package):
    absent = types.SimpleNamespace(
        find_spec=lambda name, path=None, target=None: (
            (_ for _ in ()).throw(ModuleNotFoundError(f"No module named {name!r}", name=name))
            if name.partition(".")[0] == package
            else None
        )
    )
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [absent, *sys.meta_path])
    with pytest.raises(MDIOError, match=f"{package}, which is not installed") as raised:
        call(OpenVolume(synthetic.volume((2, 3, 4))))
    assert raised.value.hint.startswith("pip install")


@pytest.mark.parametrize(
    "first", ["import mdio", "import mdio; mdio.open", "from mdio.cli import main; main(['--help'])"]
)
def test_the_doors_load_when_they_are_opened(first):
    late = ("xarray", "dask", "matplotlib")
    code = f"import sys; {first}; print([n for n in {late} if n in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "[]\n"
