"""Our wavelet encoder: what it promises, for chunks of any shape and content, read by the decoder.

That the decoder reads what OpenVDS writes, and OpenVDS what we write, is tested with OpenVDS itself.
"""

import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "support"))
from vds_streams import coefficients_of, encode

pytest.importorskip("numba")
from mdio_vds.blocks import BlockError
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.wavelet.adaptive import prefix_length
from mdio_vds.wavelet.bands import pyramid
from mdio_vds.wavelet.decode import decode_wavelet
from mdio_vds.wavelet.encode import UnkeptToleranceError, encode_wavelet
from mdio_vds.wavelet.entropy import decode_entropy
from mdio_vds.wavelet.entropy_out import encode_entropy
from mdio_vds.wavelet.forward import LOW_GAIN, forward, forward_rounded
from mdio_vds.wavelet.holes import fill_holes
from mdio_vds.wavelet.levels_out import level_bytes
from mdio_vds.wavelet.runs import no_value_mask
from mdio_vds.wavelet.runs_out import no_value_section
from mdio_vds.wavelet.stream import parse_stream
from mdio_vds.wavelet.transform import LOW_SCALE, inverse, inverse_rounded
from mdio_vds.wavelet.tree_section import quantised, tree_section

F = np.float32
M = CompressionMethod
LOSSLESS = (M.WaveletLossless, M.WaveletNormalizeBlockLossless)
TYPES = {"R32": np.float32, "U8": np.uint8, "U16": np.uint16}

shapes = st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple)


def channel(fmt="R32", ends=(-1.0, 1.0), **more):
    return ChannelDescriptor("A", "", VolumeDataFormat[f"Format_{fmt}"], 1, ends, **more)


def decoded(payload, method, of, codes, level=-1):
    return decode_wavelet(payload, method, of, codes.shape[::-1], level)


def content(kind, shape, rng):
    """Single-precision numbers about 1, of one kind of what there is in volumes."""
    axes = np.meshgrid(*[np.linspace(0, 1 + n / 7, n) for n in shape], indexing="ij", sparse=True)
    smooth = sum(np.sin(place * (2 + i)) for i, place in enumerate(axes)) + np.zeros(shape)
    noise = rng.normal(0, 1, shape)
    values = {
        "smooth": smooth,
        "noise": noise,
        "both": smooth + 0.05 * noise,
        "constant": np.full(shape, 0.7),
        "steps": np.sign(smooth) * 0.9,
        "spikes": (rng.random(shape) < 0.03) * noise * 30,
        "zeros": smooth * (np.arange(shape[-1]) > rng.integers(0, shape[-1] + 1, shape[:-1])[..., None]),
        "range": noise * 10.0 ** rng.uniform(-30, 0, shape),
        "bits": rng.choice([-1.0, 1.0], shape),
    }[kind]
    return values.astype(F)


KINDS = ("smooth", "noise", "both", "constant", "steps", "spikes", "zeros", "range", "bits")


class TestTransform:
    @pytest.mark.parametrize("shape", [(8, 1, 1), (9, 8, 1), (40, 31, 17), (16, 16, 16), (5, 64, 6)])
    def test_is_undone(self, shape):
        p = pyramid(shape, 3)
        rng = np.random.default_rng(1)
        whole = rng.integers(0, 65536, int(np.prod(shape))).astype(F)
        work = whole.copy()
        forward_rounded(work, p.sizes, p.masks, 1.0)
        assert (work == np.rint(work)).all()
        inverse_rounded(work, p.sizes, p.masks, 1.0)
        np.testing.assert_array_equal(work, whole)
        forward(work, p.sizes, p.masks, LOW_GAIN)
        inverse(work, p.sizes, p.masks, LOW_SCALE)
        np.testing.assert_allclose(work, whole, atol=0.1)

    def test_of_eight_numbers_by_hand(self):
        # Highs of x² are -1, for every stencil inside is exact for cubics: x = 1, 3: 1 - (9·(0+4)-(0+16))/16 by mirror.
        p = pyramid((8, 1, 1), 1)
        line = np.arange(8, dtype=F) ** 2
        forward(line, p.sizes, p.masks, 1.0)
        high = [1 - (9 * (0 + 4) - (0 + 16)) / 16, 9 - (9 * (4 + 16) - (0 + 36)) / 16]
        high += [25 - (9 * (16 + 36) - (4 + 36)) / 16, 49 - (9 * (36 + 36) - (16 + 16)) / 16]
        h = lambda k: high[-1 - k if k < 0 else k if k < 4 else 6 - k]  # noqa: E731
        low = [(2 * k) ** 2 + (9 * (h(k - 1) + h(k)) - (h(k - 2) + h(k + 1))) / 32 for k in range(4)]
        np.testing.assert_allclose(line, low + high)


STREAMS = [
    (16, 16, 16),
    (8, 8, 8),
    (5, 6, 7),
    (17, 9, 12),
    (16, 31, 5),
    (33, 8, 9),
    (1, 1, 50),
    (20, 33),
    (32, 32),
    (64, 64),
    (45,),
]


@pytest.mark.parametrize("share", [1.0, 0.02])
@pytest.mark.parametrize("shape", STREAMS, ids=str)
def test_the_tree_section_is_that_of_the_specification_word_by_word(shape, share):
    full, dims = (*shape, 1, 1)[:3], len(shape)
    data = coefficients_of(full, 7)
    data[np.random.default_rng(1).random(data.shape) > share] = 0  # with few left, there are nodes whose children are 0
    expected, meant, ends = encode(data, dims, 3.0)
    p = pyramid(full, dims)
    coefficients = data.reshape(-1).copy()
    raw = coefficients[p.starts]
    coefficients[p.starts] = 0
    source = quantised(coefficients, raw, p, 3.0, integer=False)
    section, needed = tree_section(source)
    size = struct.unpack_from("<i", expected, 40)[0]
    assert section == expected[44 : 44 + size]
    assert struct.unpack_from("<f", expected, 36)[0] == F(source.start)
    np.testing.assert_array_equal(source.known, meant(0).reshape(-1))
    assert [44 + n for n in needed] == [ends[b] for b in sorted(ends)] or not ends


class TestLossy:
    @settings(max_examples=150, deadline=None)
    @given(shapes, st.sampled_from(KINDS), st.sampled_from([0.05, 1.0, 8.0]), st.integers(-30, 30), st.integers(0, 99))
    def test_no_voxel_is_off_by_a_step(self, shape, kind, tolerance, power, seed):
        values = (content(kind, shape, np.random.default_rng(seed)) * 10.0**power).astype(F)
        most = max(float(np.abs(values).max()), 1e-32)
        of = channel(ends=(-most, most))
        payload, _ = encode_wavelet(values, M.Wavelet, of, tolerance)
        got = decoded(payload, M.Wavelet, of, values)
        step = F(tolerance * 2 * most / 255)
        assert np.abs(got.astype(float) - values).max() < step
        assert not got[..., 0][values[..., 0] == 0].any() or (values == 0).sum() < values.size / 8

    @settings(max_examples=60, deadline=None)
    @given(shapes, st.sampled_from(KINDS), st.sampled_from([0.5, 1.0, 3.0, 7.0]), st.sampled_from(["U8", "U16"]))
    def test_no_integer_is_off_by_more_than_a_step(self, shape, kind, tolerance, fmt):
        values = content(kind, shape, np.random.default_rng(5))
        most = np.iinfo(TYPES[fmt]).max
        codes = np.clip(np.rint((values + 2) * most / 4), 0, most).astype(TYPES[fmt])
        for of in (channel(fmt), channel(fmt, no_value=-5.0)):
            payload, _ = encode_wavelet(codes, M.Wavelet, of, tolerance)
            got = decoded(payload, M.Wavelet, of, codes)
            off = np.abs(got.astype(int) - codes)
            assert off.max() <= int(tolerance * (256 if fmt == "U16" else 1))
            if of.no_value is not None:
                np.testing.assert_array_equal(got == most, codes == most)

    def test_leading_zeros_stay(self):
        values = content("both", (20, 30, 40), np.random.default_rng(1))
        values[:, :, :9] = 0
        values[3:5] = 0
        of = channel(ends=(-3.0, 3.0))
        got = decoded(encode_wavelet(values, M.Wavelet, of, 1.0)[0], M.Wavelet, of, values)
        assert not got[:, :, :9].any()
        assert not got[3:5].any()
        long = np.repeat(values[:2], 8, axis=2)  # rows of 320: counts have two bytes
        got = decoded(encode_wavelet(long, M.Wavelet, of, 1.0)[0], M.Wavelet, of, long)
        assert not got[:, :, :72].any()
        assert got[:, :, 72].any()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e34])
    def test_what_cannot_be_held_is_refused(self, value):
        values = content("both", (9, 10, 11), np.random.default_rng(1))
        values[4, 5, 6] = value
        with pytest.raises(UnkeptToleranceError, match="1 of 990 voxels are not finite") as caught:
            encode_wavelet(values, M.Wavelet, channel(), 1.0)
        assert isinstance(caught.value, BlockError)
        missing = channel(no_value=value)  # but what the channel takes for "no value" is held
        got = decoded(encode_wavelet(values, M.Wavelet, missing, 1.0)[0], M.Wavelet, missing, values)
        np.testing.assert_array_equal(got[4, 5, 6], F(value))
        rest = np.abs(values) < 1e9
        assert np.abs(got[rest] - values[rest]).max() < 2 / 255

    def test_a_tolerance_beyond_single_precision_is_refused(self):
        values = content("noise", (20, 20, 20), np.random.default_rng(1)) + F(1e6)
        with pytest.raises(UnkeptToleranceError, match="to within"):
            encode_wavelet(values, M.Wavelet, channel(), 0.01)

    def test_voxels_without_value(self):
        rng = np.random.default_rng(2)
        values = content("smooth", (30, 31, 33), rng)
        hole = rng.random(values.shape) < 0.3
        values[hole] = -999.25
        of = channel(ends=(-3.0, 3.0), no_value=-999.25)
        payload, _ = encode_wavelet(values, M.Wavelet, of, 1.0)
        got = decoded(payload, M.Wavelet, of, values)
        np.testing.assert_array_equal(got == F(-999.25), hole)
        assert np.abs(got - values).max() < 6 / 255
        # Smooth filling: holes that stay what they are would take every plane there is.
        full, _ = encode_wavelet(values, M.Wavelet, channel(ends=(-3.0, 3.0)), 1.0)
        assert len(payload) < 0.6 * len(full)


class TestLossless:
    @settings(max_examples=120, deadline=None)
    @given(
        shapes,
        st.sampled_from(KINDS),
        st.sampled_from(LOSSLESS),
        st.sampled_from(list(TYPES)),
        st.integers(-36, 36),
        st.booleans(),
        st.sampled_from([None, -999.25, 0.0]),
    )
    def test_gives_every_bit_back(self, shape, kind, method, fmt, power, strange, no_value):
        rng = np.random.default_rng(power + 40)
        values = content(kind, shape, rng)
        of = channel(fmt, no_value=no_value)
        if fmt == "R32":
            with np.errstate(over="ignore"):
                codes = (values * 10.0**power).astype(F)
            if strange:
                for word in (0x7FC00001, 0xFF800000, 0x7F800000, 0x80000000, 0x00000001):
                    codes.view(np.uint32)[rng.random(shape) < 0.03] = word
            if no_value is not None:
                codes[rng.random(shape) < 0.2] = no_value
        else:
            most = np.iinfo(TYPES[fmt]).max
            codes = np.clip(np.rint((values + 2) * most / 4), 0, most).astype(TYPES[fmt])
        payload, _ = encode_wavelet(codes, method, of, 0.01)
        got = decoded(payload, method, of, codes)
        assert got.tobytes() == codes.tobytes()

    def test_takes_little_where_there_is_little(self):
        codes = np.zeros((32, 32, 32), F)
        codes[16] = content("smooth", (32, 32), np.random.default_rng(1))
        payload, _ = encode_wavelet(codes, M.WaveletLossless, channel(), 0.01)
        assert len(payload) < codes.nbytes / 6


class TestLevels:
    @settings(max_examples=40, deadline=None)
    @given(shapes, st.sampled_from([m for m in M if m.is_wavelet]), st.sampled_from(list(TYPES)))
    def test_a_prefix_decodes_to_what_the_level_of_everything_does(self, shape, method, fmt):
        values = content("both", shape, np.random.default_rng(3))
        codes = values if fmt == "R32" else np.rint((values + 3) * 40).astype(TYPES[fmt])
        payload, levels = encode_wavelet(codes, method, channel(fmt), 0.05)
        assert (len(payload) % 4, len(levels)) == (0, 16)
        planes = parse_stream(payload, method, shape[::-1]).planes
        assert levels.rstrip(b"\0") == levels[: min(max(planes, 1), 16)]
        sizes = []
        for level in range(16):
            size = prefix_length(len(payload), levels, level)
            part = decoded(payload[:size], method, channel(fmt), codes, level)
            np.testing.assert_array_equal(part, decoded(payload, method, channel(fmt), codes, level))
            sizes.append(size)
        assert sizes == sorted(sizes, reverse=True)

    def test_errors_double_with_the_level(self):
        values = content("both", (40, 40, 40), np.random.default_rng(3))
        payload, levels = encode_wavelet(values, M.Wavelet, channel(), 1.0)
        for level in range(5):
            part = payload[: prefix_length(len(payload), levels, level)]
            assert np.abs(decoded(part, M.Wavelet, channel(), values, level) - values).max() < 3 * 2**level * 2 / 255
        assert len(part) < len(payload) / 2

    @given(st.integers(100, 10**7), st.lists(st.floats(0.01, 1), max_size=20))
    def test_bytes_are_never_short(self, total, shares):
        needed, left = [], total
        for share in shares:
            left = max(50, int(left * share))
            needed.append(left)
        levels = level_bytes(total, needed)
        for level, size in enumerate(needed[:16]):
            assert size <= prefix_length(total, levels, level) <= total


class TestNormalised:
    def test_quality_goes_with_the_amplitude(self):
        values = content("both", (40, 40, 48), np.random.default_rng(4))
        values *= np.logspace(0, -4, 48, dtype=F)
        of = channel(no_value=7.0)
        values[3, 4] = 7
        payload, _ = encode_wavelet(values, M.WaveletNormalizeBlock, of, 0.003)
        got = decoded(payload, M.WaveletNormalizeBlock, of, values)
        np.testing.assert_array_equal(got == 7, values == 7)
        rest = np.abs(got - values)[10:]
        assert rest[..., :8].max() > 30 * rest[..., -8:].max() > 0
        assert np.sqrt((rest**2).mean()) < 0.1 * values[10:].std()

    def test_the_field_is_the_mean_magnitude_of_blocks(self):
        values = content("noise", (17, 9, 20), np.random.default_rng(4))
        payload, _ = encode_wavelet(values, M.WaveletNormalizeBlock, channel(), 0.01)
        stream = parse_stream(payload, M.WaveletNormalizeBlock, (20, 9, 17))
        assert stream.field.shape == (3, 2, 3)
        np.testing.assert_allclose(stream.field[1, 0, 2], np.abs(values[8:16, :8, 16:]).mean(), rtol=1e-6)
        assert stream.step == F(0.27650514602661133)  # as OpenVDS has it


class TestCalls:
    def test_order_of_bytes_and_of_memory_does_not_matter(self):
        values = content("both", (20, 21, 22), np.random.default_rng(4))
        expected = encode_wavelet(values, M.WaveletLossless, channel(), 0.01)
        assert encode_wavelet(values.astype(">f4"), M.WaveletLossless, channel(), 0.01) == expected
        assert encode_wavelet(np.asfortranarray(values), M.WaveletLossless, channel(), 0.01) == expected
        kept = values.copy()
        values.flags.writeable = False
        assert encode_wavelet(values, M.WaveletLossless, channel(), 0.01) == expected
        np.testing.assert_array_equal(values, kept)

    def test_threads(self):
        chunks = [content(kind, (33, 40, 31), np.random.default_rng(9)) for kind in KINDS] * 3
        of = channel(ends=(-60.0, 60.0))
        alone = [encode_wavelet(chunk, M.Wavelet, of, 0.3) for chunk in chunks]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda chunk: encode_wavelet(chunk, M.Wavelet, of, 0.3), chunks)) == alone

    @pytest.mark.parametrize(
        ("codes", "method", "of", "tolerance", "message"),
        [
            (np.zeros((8, 8), F), M.Zip, channel(), 1.0, "not a wavelet method"),
            (np.zeros((8, 8), F), M.Wavelet, channel("R64"), 1.0, "never wavelet"),
            (np.zeros((8, 8), np.uint8), M.Wavelet, channel(), 1.0, "uint8 codes in a channel of R32"),
            (np.zeros((8, 8, 8, 8), F), M.Wavelet, channel(), 1.0, "no wavelet chunk"),
            (np.zeros((8, 513), F), M.Wavelet, channel(), 1.0, "no wavelet chunk"),
            (np.zeros((8, 0), F), M.Wavelet, channel(), 1.0, "no wavelet chunk"),
            (np.zeros((8, 8), F), M.Wavelet, channel(), 0.0, "not possible"),
        ],
    )
    def test_what_does_not_fit(self, codes, method, of, tolerance, message):
        with pytest.raises(ValueError, match=message):
            encode_wavelet(codes, method, of, tolerance)


class TestParts:
    @settings(max_examples=80, deadline=None)
    @given(st.integers(2, 5000), st.integers(1, 256), st.sampled_from([0.2, 1, 4, 30]), st.integers(0, 99))
    def test_entropy(self, count, symbols, slope, seed):
        rng = np.random.default_rng(seed)
        shares = np.exp(-np.arange(symbols) / slope)
        data = rng.permutation(256)[rng.choice(symbols, count, p=shares / shares.sum())].astype(np.uint8)
        out = np.zeros(count + 512, np.uint8)
        size = encode_entropy(data, out)
        frequencies = np.bincount(data)[np.bincount(data) > 0] / count
        bound = -count * (frequencies * np.log2(frequencies)).sum() / 8
        if size == 0:  # it would hardly have been shorter: a header takes two bytes a symbol at most
            assert bound + 2 * frequencies.size + 40 > 0.95 * count
        assume(size)
        assert size < 1.05 * bound + 2 * np.ptp(data).item() + 60
        back = np.empty_like(data)
        assert decode_entropy(out, 0, size, back) == count
        np.testing.assert_array_equal(back, data)

    @given(st.integers(1, 300), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99))
    @settings(max_examples=60, deadline=None)
    def test_runs_of_voxels_without_value(self, width, rows, share, seed):
        mask = np.random.default_rng(seed).random((1, rows, width)) < share
        section = np.frombuffer(no_value_section(mask, F(5)), np.uint8)
        length = int(section[:4].view("<i4")[0])
        assert (section.size, section[4:8].view("<f4")[0]) == (8 + (length + 3) // 4 * 4, 5)
        np.testing.assert_array_equal(no_value_mask(section, (8, 8 + length), mask.shape), mask)

    def test_holes_are_filled_from_around(self):
        z, y, x = np.meshgrid(*[np.arange(n, dtype=F) for n in (12, 13, 14)], indexing="ij")
        true = z + y + x
        holes = np.zeros(true.shape, np.uint8)
        holes[4:8, 5:8, 5:9] = 1
        values = np.where(holes, F(1e30), true)
        fill_holes(values, holes)
        np.testing.assert_array_equal(values[holes == 0], true[holes == 0])
        assert np.abs(values - true).max() < 3
