"""Codecs for seismic chunks: Blosc frames with split byte planes and checks, and ZFP that keeps its promise."""

from __future__ import annotations

from typing import Any

# Public name to the module that has it; imported on first use. The factories ``blosc`` and ``zfp`` stay in
# their modules of the same name.
_EXPORTS = {
    "MdioZfpQuality": "mdio_compression.quality",
    "SplitBlosc": "mdio_compression.blosc",
    "Zfp": "mdio_compression.zfp",
    "mse": "mdio_compression.metrics",
    "nrmse": "mdio_compression.metrics",
    "psnr": "mdio_compression.metrics",
    "ssim": "mdio_compression.metrics",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
