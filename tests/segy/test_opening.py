"""Opening SEG-Y: geometry that is asked for, found, or left out, and errors that say what to do."""

from __future__ import annotations

import os
import struct
import warnings

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.exceptions import ConfigError, GridTraceCountError, GridTraceSparsityError, MDIOError, MDIONotFoundError
from mdio_segy.opening import SegyWarning


@pytest.fixture(autouse=True)
def no_leaks():
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before, "a file stays open"


def write(tmp_path, keys, samples=5, **changes):
    values = samples_for(3, np.random.default_rng(1), len(next(iter(keys.values()))), samples)
    path = tmp_path / "x.sgy"
    path.write_bytes(segy(keys, values, 3, **changes))
    return path


def schema(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegyWarning)
        volume = mdio.open(path, options=options)
    volume.close()
    return volume.schema


class TestKeys:
    @pytest.fixture
    def path(self, tmp_path):
        il, xl = grid(4, 3, il=(10, 2), xl=(-3, 1))
        return write(tmp_path, {189: il, 193: xl, 17: il * 100, 13: xl})

    def test_names_and_coordinates(self, path):
        found = schema(path, header_locations=[17, 13], header_names=["shot_point", "channel"])
        assert found.names == ("shot_point", "channel", "sample")
        assert [dim.coords.tolist() for dim in found.dims] == [
            [1000, 1200, 1400, 1600],
            [-3, -2, -1],
            [0, 4, 8, 12, 16],
        ]

    def test_default_names(self, path):
        assert schema(path, header_locations="189,193").names == ("dim_0", "dim_1", "sample")

    def test_lists_as_text(self, path):
        found = schema(path, header_locations=" 189 , 193", header_names="inline, crossline", header_types="int32 ,i4")
        assert found.names == ("inline", "crossline", "sample")

    def test_swapped_keys_swap_the_grid(self, path):
        assert schema(path, header_locations=[193, 189]).shape == (3, 4, 5)

    @pytest.mark.parametrize(
        ("kind", "code", "coords"),
        [
            ("int16", ">h", [-7, 1, 9]),
            ("uint16", ">H", [1, 9, 65529]),
            ("int8", ">b", [-7, 1, 9]),
            ("int64", ">q", [-(2**40), 1, 2**40]),
            ("float32", ">f", [-0.5, 1.25, 3.0]),
            ("float64", ">d", [-0.1, 1.1, 3.0]),
        ],
    )
    @pytest.mark.parametrize("byte", [181, 202])
    def test_types_at_any_byte(self, tmp_path, kind, code, coords, byte):
        path = write(tmp_path, {1: [1, 2, 3]})
        data = bytearray(path.read_bytes())
        for trace, value in enumerate(coords[::-1]):
            struct.pack_into(code, data, 3600 + trace * 250 + byte - 1, value)
        path.write_bytes(data)
        found = schema(path, header_locations=[byte], header_types=[kind])
        assert found.dims[0].coords.tolist() == pytest.approx(coords)
        assert found.dims[0].coords.dtype == np.dtype(kind)

    def test_keys_of_ibm_floats(self, tmp_path):
        path = write(tmp_path, {181: [0x41100000, 0x41200000, 0x41280000]})  # 1, 2, 2.5
        assert schema(path, header_locations=[181], header_types=["ibm32"]).dims[0].coords.tolist() == [1.0, 2.0, 2.5]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"header_locations": [189, 193], "header_names": ["a"]}, "1 given for 2 header locations"),
            ({"header_locations": [189, 193], "header_types": ["int32"] * 3}, "3 given for 2 header locations"),
            ({"header_locations": [189, 193], "header_names": ["a", "a"]}, "the same name twice"),
            ({"header_locations": [189], "header_types": ["int23"]}, "int32"),
            ({"header_names": ["a"]}, "need header locations"),
            ({"header_types": ["int32"]}, "need header locations"),
            ({"grid_overrides": {"HasDuplicates": True}}, "need header locations"),
            ({"header_locations": [0]}, "greater than or equal to 1"),
            ({"header_locations": [238]}, "bytes 238 to 241 .* lie behind the trace header of 240 bytes"),
            ({"header_locations": [241], "header_types": ["int16"]}, "lie behind the trace header"),
            ({"header_location": [189]}, "header_locations"),
            ({"header_locations": []}, "no index word given"),
        ],
    )
    def test_options_that_do_not_fit(self, path, options, message):
        with pytest.raises(ConfigError, match=message) as caught:
            schema(path, **options)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)

    def test_the_last_bytes_of_a_header_can_be_a_key(self, path):
        assert schema(path, header_locations=[189, 193, 237]).shape == (4, 3, 1, 5)

    def test_two_traces_in_one_cell(self, tmp_path):
        path = write(tmp_path, {189: [1, 1, 2, 2, 1], 193: [7, 8, 7, 8, 8]})
        with pytest.raises(GridTraceCountError, match=r"traces 1 and 4 both have inline 1, crossline 8.*HasDuplicates"):
            schema(path, header_locations=[189, 193], header_names=["inline", "crossline"])

    def test_a_sparse_grid(self, tmp_path):
        n = np.arange(30)
        path = write(tmp_path, {189: np.where(n == 17, 100_000, n), 193: n})
        with pytest.raises(GridTraceSparsityError, match="trace 17 with dim_0 100000"):
            schema(path, header_locations=[189, 193])

    def test_a_thin_grid_warns(self, tmp_path):
        path = write(tmp_path, {189: [1, 2, 3], 193: [1, 2, 3]})
        with pytest.warns(SegyWarning, match="9 cells for 3 traces"):
            mdio.open(path, options={"header_locations": [189, 193]}).close()


class TestFound:
    @pytest.mark.parametrize(
        ("keys", "names"),
        [
            ((189, 193), ("inline", "crossline")),
            ((9, 21), ("inline", "crossline")),
            ((5, 21), ("inline", "crossline")),
            ((21, 37), ("cdp", "offset")),
            ((17, 13), ("shot_point", "channel")),
            ((181, 185), ("inline", "crossline")),
        ],
    )
    def test_usual_places(self, tmp_path, keys, names):
        a, b = grid(5, 4)
        found = schema(write(tmp_path, dict(zip(keys, (a, b), strict=True))))
        assert found.names == (*names, "sample")
        assert found.shape == (5, 4, 5)
        assert found.metadata.attributes["geometry"]["keys"] == [list(pair) for pair in zip(names, keys, strict=True)]

    def test_prestack(self, tmp_path):
        il, xl, offset = (axis.ravel() for axis in np.meshgrid([1, 2], [7, 9, 11], [100, 200], indexing="ij"))
        found = schema(write(tmp_path, {189: il, 193: xl, 37: offset}))
        assert found.names == ("inline", "crossline", "offset", "sample")
        assert found.shape == (2, 3, 2, 5)

    def test_a_line(self, tmp_path):
        found = schema(write(tmp_path, {21: np.arange(100, 130)}))
        assert found.names == ("cdp", "sample")
        assert found.shape == (30, 5)

    def test_nothing_varies(self, tmp_path):
        found = schema(write(tmp_path, {189: [0] * 6}))
        assert found.names == ("trace", "sample")
        assert found.dims[0].coords.tolist() == [1, 2, 3, 4, 5, 6]

    def test_a_diagonal_is_no_grid(self, tmp_path):
        n = np.arange(50)
        found = schema(write(tmp_path, {189: n, 193: n}))
        assert found.names == ("trace", "sample")

    def test_duplicates_far_behind_the_first_look(self, tmp_path, monkeypatch):
        from mdio_segy import look

        monkeypatch.setattr(look, "_FIRST_LOOK", 4)
        monkeypatch.setattr(look, "_WINDOW", 1)  # nor anywhere else
        il, xl = grid(6, 5)
        found = schema(write(tmp_path, {189: np.r_[il, il[3]], 193: np.r_[xl, xl[3]]}))
        assert found.names == ("trace", "sample")
        assert found.shape == (31, 5)

    def test_a_line_that_is_inline_zero_is_still_an_inline_of_a_cube(self, tmp_path):
        il, xl = grid(3, 4, il=(0, 1), xl=(0, 1))
        assert schema(write(tmp_path, {189: il, 193: xl})).shape == (3, 4, 5)


class TestNonsense:
    """Headers that claim what cannot be are refused; anything else without a geometry is (trace, sample)."""

    FAR = (1, 2**31 - 1, -(2**31))

    def test_line_numbers_all_over_the_place(self, tmp_path):
        path = write(tmp_path, {189: self.FAR, 193: (1, 2**31 - 1, 5)})
        with pytest.raises(GridTraceSparsityError, match=r"10\^18 cells: in-lines -2147483648 to 2147483647") as caught:
            schema(path)
        assert caught.value.exit_code == 4
        assert "--header-locations" in str(caught.value)

    def test_all_traces_at_one_place_and_no_numbers(self, tmp_path):
        path = write(tmp_path, {1: range(1, 21), 5: range(1, 21), 181: [430000] * 20, 185: [67] * 20})
        with pytest.raises(GridTraceCountError, match=r"no geometry: .* 0 in all 20 traces") as caught:
            schema(path)
        assert caught.value.exit_code == 4

    @pytest.mark.parametrize(
        "keys",
        [
            {189: FAR, 193: (1, 2, 3)},  # one of them is an attribute
            {189: (0, 0, 0)},
            {1: (1, 2, 3), 5: (1, 2, 3)},  # blank headers
            {181: (4, 4, 5), 185: (6, 6, 6)},
            {9: (1, 1, 1), 181: (4, 4, 4), 185: (6, 6, 6)},  # one record of a fixed station
            {189: (7, 7, 7), 193: (9, 9, 9), 181: (4, 4, 4)},
        ],
    )
    def test_other_files_open(self, tmp_path, keys):
        assert schema(write(tmp_path, keys)).names[-2:] == ("trace", "sample")

    @pytest.mark.parametrize("change", [{"binary": {3501: ("B", 0)}}, {}])
    def test_files_that_do_not_claim_it(self, tmp_path, change, monkeypatch):
        if not change:
            monkeypatch.setenv("MDIO_IGNORE_CHECKS", "1")
        path = write(tmp_path, {189: self.FAR, 193: (1, 2**31 - 1, 5)}, **change)
        assert schema(path).names == ("trace", "sample")

    def test_a_difference_behind_the_first_look(self, tmp_path, monkeypatch):
        from mdio_segy import look

        monkeypatch.setattr(look, "_FIRST_LOOK", 4)
        monkeypatch.setattr(look, "_WINDOW", 1)
        place = np.full(60, 4)
        place[30] = 5
        assert schema(write(tmp_path, {181: place, 185: [6] * 60})).names == ("trace", "sample")


class TestIdentity:
    def test_tells_files_apart(self, tmp_path):
        il, xl = grid(3, 4)
        first = schema(write(tmp_path, {189: il, 193: xl})).metadata.identity
        assert schema(write(tmp_path, {189: il, 193: xl})).metadata.identity["headers"] == first["headers"]
        assert schema(write(tmp_path, {189: il + 1, 193: xl})).metadata.identity["headers"] != first["headers"]
        assert schema(write(tmp_path, {189: il, 193: xl}, samples=6)).metadata.identity["size"] != first["size"]


class TestRefused:
    def refuse(self, path, code, message):
        with pytest.raises(MDIOError, match=message) as caught:
            mdio.open(path, format="segy")
        assert caught.value.exit_code == code
        assert "\n" not in str(caught.value)

    def test_missing(self, tmp_path):
        self.refuse(tmp_path / "x.sgy", 5, "no such file")
        with pytest.raises(MDIONotFoundError):
            mdio.open(tmp_path / "x.sgy")

    def test_directory(self, tmp_path):
        self.refuse(tmp_path, 5, "directory")

    def test_fifo(self, tmp_path):
        os.mkfifo(tmp_path / "x.sgy")
        self.refuse(tmp_path / "x.sgy", 5, "not a regular file")

    @pytest.mark.parametrize(("size", "message"), [(0, "empty"), (10, "10 bytes"), (3599, "3599 bytes")])
    def test_short(self, tmp_path, size, message):
        (tmp_path / "x.sgy").write_bytes(b"\xc3" * size)
        self.refuse(tmp_path / "x.sgy", 4, message)

    def test_compressed(self, tmp_path):
        import gzip

        (tmp_path / "x.sgy").write_bytes(gzip.compress(os.urandom(10_000)))
        self.refuse(tmp_path / "x.sgy", 4, "gzip")

    def test_strict_makes_warnings_errors(self, tmp_path):
        il, xl = grid(3, 3)
        path = write(tmp_path, {189: il, 193: xl}, trailer=b"stray")
        schema(path)
        with pytest.raises(MDIOError, match="5 bytes"):
            schema(path, strict=True)


class TestNoTraces:
    """File headers that stand for themselves are an empty dataset; traces that are promised and missing are damage."""

    def test_headers_only(self, tmp_path):
        path = tmp_path / "x.sgy"
        path.write_bytes(segy({}, np.zeros((0, 0), np.int16), 3, binary={3503: ("h", 0)}))
        found = schema(path)
        assert found.shape == (0, 0)
        assert found.metadata.trace_count == 0

    def test_in_and_out(self, tmp_path):
        path = tmp_path / "x.sgy"
        path.write_bytes(segy({}, np.zeros((0, 0), np.int16), 3, binary={3503: ("h", 0)}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SegyWarning)
            mdio.convert(path, tmp_path / "x.mdio")
        mdio.convert(tmp_path / "x.mdio", tmp_path / "y.sgy")
        assert (tmp_path / "y.sgy").read_bytes() == path.read_bytes()

    def test_promised(self, tmp_path):
        path = tmp_path / "x.sgy"
        path.write_bytes(segy({189: [1]}, np.zeros((1, 8), np.int16), 3)[:3600])
        with pytest.raises(MDIOError, match="no traces"):
            schema(path)
