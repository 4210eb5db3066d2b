"""A codec of somebody else's plugin: what it wrote is read again, with the parameters it was written with."""

import types
import zlib

import numpy as np
import pytest
from numcodecs.abc import Codec as Numcodec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy
from pydantic import BaseModel, ConfigDict, Field

from mdio.convert import create
from mdio.convert import open as open_volume
from mdio.exceptions import CodecError, PluginError
from mdio.flow.engine import run
from mdio.native.codecs import resolve_codec
from mdio.plugins import Codec, hookimpl
from mdio.plugins.registry import registry
from mdio.testing import synthetic


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: int = Field(7, ge=0, le=255)


class Masked(Numcodec):
    """DEFLATE of masked bytes: without the parameter that it was written with, nothing comes back as it was."""

    codec_id = "mdio_test_masked"

    def __init__(self, key=7):
        self.key = key

    def encode(self, buf):
        return zlib.compress((ensure_contiguous_ndarray(buf).view("u1") ^ np.uint8(self.key)).tobytes())

    def decode(self, buf, out=None):
        return ndarray_copy(np.frombuffer(zlib.decompress(buf), "u1") ^ np.uint8(self.key), out)


def plugin(**facts):
    module = types.ModuleType("masked")
    item = Codec(
        name="masked",
        target=f"{__name__}:Masked",
        options=f"{__name__}:Options",
        **{"summary": "Masked bytes", **facts},
    )
    module.mdio_codecs = hookimpl(lambda: [item])
    return registry().registered(module, "masked")


def write(url, **options):
    source = synthetic.volume((5, 6, 7))
    sink = create(url, source, options=options)
    try:
        run(source, sink)
    finally:
        sink.close()
    return source.samples(source.schema.region)


@pytest.mark.parametrize("more", [{}, {"layout": "v1"}])
def test_what_it_wrote_is_read_again(tmp_path, more):
    url = str(tmp_path / "a.mdio")
    with plugin(numcodecs_id="mdio_test_masked"):
        samples = write(url, codec="masked:key=200", **more)
        volume = open_volume(url)
        assert np.array_equal(volume.samples(volume.schema.region), samples)
        volume.close()


def test_nothing_is_written_that_would_not_be_found_again(tmp_path):
    with plugin(), pytest.raises(PluginError, match="numcodecs_id") as caught:
        write(str(tmp_path / "a.mdio"), codec="masked")
    assert "mdio_test_masked" in caught.value.hint
    assert not [*tmp_path.iterdir()]


def test_without_the_plugin_it_says_what_is_missing(tmp_path):
    with plugin(numcodecs_id="mdio_test_masked"):
        write(str(tmp_path / "a.mdio"), codec="masked")
    with pytest.raises(CodecError, match="'mdio_test_masked', which no installed package decodes") as caught:
        open_volume(str(tmp_path / "a.mdio"))
    assert caught.value.hint == "install the plugin it was written with; mdio codecs list shows what there is"


def test_parameters_that_it_does_not_take_are_named():
    with plugin(numcodecs_id="mdio_test_masked"), pytest.raises(CodecError, match=r"masked.*lock"):
        resolve_codec({"id": "mdio_test_masked", "lock": 3}, 4)
