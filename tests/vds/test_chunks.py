"""Chunk entries: what a hash says, and that both layouts give the same entry."""

import pytest

from mdio_vds.chunks import ChunkEntry, ChunkKind
from mdio_vds.enums import CompressionMethod
from mdio_vds.volume import open_source


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, ChunkKind.UNWRITTEN),
        (2**64 - 1, ChunkKind.NO_VALUE),
        (0x0101_0101_0000_0000, ChunkKind.CONSTANT),
        (0x0101_0101_FFFF_FFFF, ChunkKind.CONSTANT),
        (1, ChunkKind.STORED),
        (0x0101_0102_0000_0000, ChunkKind.STORED),
    ],
)
def test_kinds(code, kind):
    assert ChunkEntry(code).kind is kind


def test_the_constant_is_a_single_in_the_low_half():
    assert ChunkEntry(0x0101_0101_C148_0000).constant == -12.5


@pytest.mark.parametrize("kind", ["container", "objects"])
def test_entries_of_wavelet_layers_carry_levels(tmp_path, vds, storage, kind):
    writer = vds.Writer(vds.layout_json((3, 4, 5), [vds.channel()]))
    writer.layer("Dimensions_012LOD0", "Wavelet", [(0x1234_5678_9ABC_DEF0, b"payload")])
    source = open_source(storage.open(getattr(writer, kind)(tmp_path / "a.vds")))
    layer = source.layers["Dimensions_012LOD0"]
    assert layer.method is CompressionMethod.Wavelet
    assert layer.entry(0) == ChunkEntry(0x1234_5678_9ABC_DEF0, bytes(range(16, 32)))
    assert layer.payload(0) == b"payload"
    source.close()


def test_both_spellings_of_normalising_methods_are_known():
    names = ["WaveletNormalizeBlock", "WaveletNormalizeBlockExperimental"]
    assert {CompressionMethod.from_label(name) for name in names} == {CompressionMethod.WaveletNormalizeBlock}
    label = "WaveletNormalizeBlockExperimentalLossless"
    assert CompressionMethod.from_label(label) is CompressionMethod.WaveletNormalizeBlockLossless
    assert CompressionMethod.from_label("None") is CompressionMethod.NONE
    with pytest.raises(ValueError, match="NONE"):
        CompressionMethod.from_label("NONE")
