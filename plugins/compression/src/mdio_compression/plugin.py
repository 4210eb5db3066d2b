"""What this package contributes; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from mdio.plugins import Codec, hookimpl

MDIO_API = "1.0"


@hookimpl
def mdio_codecs() -> Iterator[Codec]:
    """Yield the lossless and the lossy codec."""
    yield Codec(
        name="blosc",
        summary="Lossless: Blosc frames with split byte planes, a check for each block, decoded by block",
        target="mdio_compression.blosc:blosc",
        options="mdio_compression.options:BloscOptions",
        numcodecs_id="blosc",
    )
    yield Codec(
        name="zfp",
        summary="Lossy: ZFP with a largest error, checked for each chunk",
        target="mdio_compression.zfp:zfp",
        options="mdio_compression.options:ZfpOptions",
        requires='pip install "zfpy>=1.0,<=1.0.1"',
        lossy=True,
        dtypes=("float32", "float64", "float16", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
        numcodecs_id="zfpy",
    )
