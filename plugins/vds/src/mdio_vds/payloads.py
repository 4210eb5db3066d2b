"""Payloads of all methods, so that readers, writers and checks need not know which of them take compiled code."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from mdio_vds.blocks import decode_block
from mdio_vds.wavelet.adaptive import BEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.enums import CompressionMethod

__all__ = ["decode_payload", "encode_wavelet_payload"]


def decode_payload(
    payload: bytes, method: CompressionMethod, channel: ChannelDescriptor, shape: Sequence[int], level: int = BEST
) -> NDArray[Any]:
    """Decode a payload; safe to call from several threads.

    Parameters
    ----------
    payload
        Its bytes, or the first of them that an adaptive level needs.
    method
        Method of the layer.
    channel
        The channel.
    shape
        Stored lengths along the dimensions of the group, lowest dimension (fastest) first: 1 to 3 numbers.
    level
        Adaptive level of wavelet methods.

    Returns
    -------
    ndarray
        As :func:`mdio_vds.blocks.decode_block` and :func:`mdio_vds.wavelet.decode.decode_wavelet` return it.

    Raises
    ------
    BlockError
        The payload does not fit.
    PluginNotInstalledError
        numba, which wavelet methods need, is missing.
    """
    if not method.is_wavelet:
        return decode_block(payload, method, channel, shape)
    codes: NDArray[Any] = _compiled("decode", "decode_wavelet")(payload, method, channel, shape, level)
    return codes


def encode_wavelet_payload(
    codes: NDArray[Any], method: CompressionMethod, channel: ChannelDescriptor, tolerance: float
) -> tuple[bytes, bytes]:
    """Encode a chunk; see :func:`mdio_vds.wavelet.encode.encode_wavelet`.

    Raises
    ------
    PluginNotInstalledError
        numba is missing.
    """
    payload: tuple[bytes, bytes] = _compiled("encode", "encode_wavelet")(codes, method, channel, tolerance)
    return payload


_loading = Lock()


@cache
def _compiled(module: str, name: str) -> Callable[..., Any]:
    """Return a function which is compiled, or loaded as an earlier process compiled it, when it is imported."""
    # One at a time: a thread that waits for an import which fails gets the half-made module, and says so.
    with _loading:
        function: Callable[..., Any] = getattr(import_module(f"mdio_vds.wavelet.{module}"), name)
    return function
