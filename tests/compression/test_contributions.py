"""What the plugin declares, its options, the quality names, and that declaring costs no import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from mdio.exceptions import CodecError
from mdio_compression import plugin
from mdio_compression.options import BloscOptions, ZfpOptions
from mdio_compression.quality import MdioZfpQuality, tolerance_for


def test_descriptors_load():
    codecs = {codec.name: codec for codec in plugin.mdio_codecs()}
    assert set(codecs) == {"blosc", "zfp"}
    assert not codecs["blosc"].lossy
    assert codecs["zfp"].lossy
    made = codecs["blosc"].load()(**BloscOptions(preset="small", typesize=8).model_dump())
    assert (made.codec_id, made.clevel, made.typesize) == (codecs["blosc"].numcodecs_id, 5, 8)
    made = codecs["zfp"].load()(**ZfpOptions(quality="low", std=2.0).model_dump())
    assert (made.codec_id, made.tolerance) == (codecs["zfp"].numcodecs_id, 6.0)
    assert codecs["blosc"].options_model() is BloscOptions
    assert codecs["zfp"].options_model() is ZfpOptions


def test_listing_the_plugin_imports_nothing_heavy():
    heavy = {"numpy", "numcodecs", "zarr", "zfpy", "zstandard", "pydantic"}
    code = (
        "import sys, mdio_compression.plugin as p; list(p.mdio_codecs());"
        f"sys.exit(', '.join({heavy} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_default_codec_does_without_numcodecs():
    code = (
        "import sys, numpy as np; from mdio_compression.blosc import SplitBlosc as S; c = S(4);"
        "c.decode(c.encode(np.zeros(9999, 'f4'))); sys.exit('numcodecs' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_quality_names():
    # The documented multiples of the standard deviation.
    names = {"very_low": 6, "low": 3, "medium": 1, "high": 0.1, "very_high": 0.01, "ultra": 0.001}
    assert {member.name.lower(): member.value for member in MdioZfpQuality} == names
    assert tolerance_for("Very-High", 50.0) == 0.5
    assert tolerance_for(2, 1.5) == 3.0
    with pytest.raises(CodecError, match="did you mean 'medium'"):
        tolerance_for("medum", 1.0)
    for std in (0.0, float("nan")):
        with pytest.raises(CodecError, match="gives no tolerance"):
            tolerance_for("low", std)


@pytest.mark.parametrize("bad", [{}, {"tolerance": 1, "quality": "low"}, {"tolerance": 0}, {"quality": "best"}])
def test_bad_zfp_options(bad):
    with pytest.raises(ValidationError):
        ZfpOptions(**bad)


def test_bad_blosc_options():
    with pytest.raises(ValidationError):
        BloscOptions(preset="tiny")
    with pytest.raises(ValidationError):
        BloscOptions(level=3)
