"""The sample formats of SEG-Y: from bytes of the file to arrays, and back to the same bytes.

Codes are those of bytes 3225-3226 (SEG-Y rev 2.1, table 2; code 4 from rev 0). Every format is decoded to the numpy
type that loses nothing. IEEE samples never pass through arithmetic, so NaN payloads and -0 stay as they are.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import WrongTypeError
from mdio_segy import fixedgain, ibm, int24
from mdio_segy.errors import UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mdio.core.volume import Patches

__all__ = ["FORMATS", "SampleFormat", "UnsupportedFormat", "format_by_code", "format_by_name"]


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """One sample format.

    Parameters
    ----------
    code
        Value of bytes 3225-3226.
    name
        Our name, e.g. ``"ibm32"``.
    item
        Bytes a sample in the file.
    stored
        numpy type string of decoded samples, native byte order, e.g. ``"f4"``.
    """

    code: int
    name: str
    item: int
    stored: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of decoded samples."""
        return np.dtype(self.stored)

    def decode(self, raw: NDArray[np.uint8], out: NDArray[Any], big_endian: bool) -> Patches | None:
        """Decode the samples of whole traces.

        Parameters
        ----------
        raw
            uint8, (traces, samples · item), contiguous along the last axis; the first may be strided, so that the
            trace headers between need not be cut out.
        out
            :attr:`dtype`, (traces, samples), contiguous along the last axis.
        big_endian
            Byte order of ``raw``.

        Returns
        -------
        Patches or None
            Words that :meth:`encode` would not give back, by flat position in ``out``. Only ``ibm32`` and
            ``fixed_gain32`` have such words.
        """
        if self.name == "ibm32":
            return ibm.decode_words(raw.view(_unsigned(4, big_endian)), out)
        if self.name == "fixed_gain32":
            return fixedgain.decode_words(raw.view(_unsigned(4, big_endian)), out)
        if self.item == 3:
            int24.decode_bytes(raw, out, big_endian)
        else:
            np.copyto(out.view(_unsigned(self.item, None)), raw.view(_unsigned(self.item, big_endian)))
        return None

    def encode(
        self,
        samples: NDArray[Any],
        big_endian: bool,
        patches: Patches | None = None,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Encode traces; the inverse of :meth:`decode`.

        Parameters
        ----------
        samples
            :attr:`dtype`, (traces, samples).
        big_endian
            Byte order to write.
        patches
            Raw words by flat position in ``samples``. A word is written only where the sample still has the bits
            the word decodes to: a sample that was changed since is encoded afresh.
        out
            Where to; uint8, (traces, samples · item), contiguous along the last axis. Freshly made without.

        Returns
        -------
        NDArray
            uint8, (traces, samples · item); ``out`` where it is given.

        Raises
        ------
        WrongTypeError
            ``samples`` has another type; converting is the caller's decision.
        ValueNotRepresentable
            NaN or infinity for ``ibm32`` and ``fixed_gain32``, more than 24 bits for ``int24`` and ``uint24``.
        """
        if samples.dtype != self.dtype or not samples.dtype.isnative:
            raise WrongTypeError(
                f"{self.name} samples are made from {self.dtype.name}, not from {samples.dtype.name}",
                hint=f"cast to {self.dtype.name}, or write a format that stores {samples.dtype.name}",
            )
        raw = np.empty((samples.shape[0], samples.shape[1] * self.item), np.uint8) if out is None else out
        if self.item == 3:
            int24.encode_bytes(samples, raw, big_endian)
            return raw
        words = raw.view(_unsigned(self.item, big_endian))
        if self.name == "ibm32":
            ibm.encode_words(samples, words)
            _restore(words, samples, patches, ibm.decode_words)
        elif self.name == "fixed_gain32":
            fixedgain.encode_words(samples, words)
            _restore(words, samples, patches, fixedgain.decode_words)
        else:
            np.copyto(words, samples.view(_unsigned(self.item, None)))
        return raw


def _unsigned(item: int, big_endian: bool | None) -> np.dtype[Any]:
    """Return the unsigned integer of ``item`` bytes; native byte order for None."""
    order = "=" if big_endian is None else ">" if big_endian else "<"
    return np.dtype(f"{order}u{item}")


def _restore(
    words: NDArray[np.uint32],
    samples: NDArray[np.float32],
    patches: Patches | None,
    decode: Callable[[NDArray[np.uint32], NDArray[np.float32]], Patches | None],
) -> None:
    """Put raw words back where the samples are still what these words decode to, bit by bit."""
    if patches is None or not patches.index.size:
        return
    at = np.divmod(patches.index, samples.shape[1])
    meant = np.empty(patches.words.shape, np.float32)
    decode(np.ascontiguousarray(patches.words, np.uint32), meant)
    same = meant.view(np.uint32) == samples[at].view(np.uint32)
    words[at[0][same], at[1][same]] = patches.words[same]


FORMATS: dict[int, SampleFormat] = {
    code: SampleFormat(code, name, item, stored)
    for code, name, item, stored in (
        (1, "ibm32", 4, "f4"),
        (2, "int32", 4, "i4"),
        (3, "int16", 2, "i2"),
        (4, "fixed_gain32", 4, "f4"),
        (5, "ieee32", 4, "f4"),
        (6, "ieee64", 8, "f8"),
        (7, "int24", 3, "i4"),
        (8, "int8", 1, "i1"),
        (9, "int64", 8, "i8"),
        (10, "uint32", 4, "u4"),
        (11, "uint16", 2, "u2"),
        (12, "uint64", 8, "u8"),
        (15, "uint24", 3, "u4"),
        (16, "uint8", 1, "u1"),
    )
}
"""Sample formats by code."""

_ALIASES = {"ibm": "ibm32", "ieee": "ieee32", "float32": "ieee32", "float64": "ieee64"}
_BY_NAME = {form.name: form for form in FORMATS.values()}


def format_by_code(code: int, *, url: str = "") -> SampleFormat:
    """Return the format of a code; raises :class:`~mdio_segy.errors.UnsupportedFormat` for unknown codes."""
    try:
        return FORMATS[code]
    except KeyError:
        known = ", ".join(f"{form.code} {form.name}" for form in FORMATS.values())
        raise UnsupportedFormat(
            f"sample format code {code} is not defined",
            url=url,
            byte=3224,
            hint=f"say what the samples are with --sample-format (known: {known})",
        ) from None


def format_by_name(name: str) -> SampleFormat:
    """Return a format by name, e.g. ``"ibm32"``, ``"ibm"``, ``"float32"``, or by its code, e.g. ``"5"``.

    Raises
    ------
    UnsupportedFormat
        Unknown; the message suggests near names.
    """
    key = str(name).strip().lower()
    if key.isdecimal():
        return format_by_code(int(key))
    form = _BY_NAME.get(_ALIASES.get(key, key))
    if form is None:
        names = [*_BY_NAME, *_ALIASES]
        near = difflib.get_close_matches(key, names, 3) or list(_BY_NAME)
        raise UnsupportedFormat(f"no sample format {name!r}", hint=f"known names near it: {', '.join(near)}")
    return form
