"""Which byte order the headers are in, and with that the reading of the file.

The byte-order constant of rev 2 decides where it is; else both orders are read, and the format code rules one of
them out in nearly every file: the defined codes swapped are 256 and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdio_segy.claims import Claims, read_claims
from mdio_segy.detect import Fit, fit
from mdio_segy.errors import NotSegy, SegyError, UnsupportedByteOrder, UnsupportedFormat
from mdio_segy.magic import looks_like_su
from mdio_segy.numbers import FORMATS, SampleFormat, format_by_code
from mdio_segy.probe import probe

if TYPE_CHECKING:
    from mdio_segy.claims import Head, LayoutOverrides

__all__ = ["choose"]

_CONSTANTS = {b"\x01\x02\x03\x04": True, b"\x04\x03\x02\x01": False}


def choose(head: Head, base: int, overrides: LayoutOverrides) -> Fit:
    """Return the best reading over byte orders.

    Parameters
    ----------
    head
        The start of the file.
    base
        Where the textual header begins: behind a tape label, if any.
    overrides
        What the user knows better.

    Raises
    ------
    SegyError
        No order gives a reading; the reason of the likelier order.
    """
    binary = head.read(base + 3200, 400)
    constant = binary[96:100]
    if constant == b"\x02\x01\x04\x03" and overrides.endian is None:
        raise UnsupportedByteOrder(
            "bytes are swapped in pairs (the byte-order constant reads 02 01 04 03)",
            url=head.url,
            byte=base + 3296,
            hint="swap each pair of bytes behind the textual header back first",
        )
    declared = _CONSTANTS.get(constant)
    orders = (True, False) if declared is None else (declared,)
    if overrides.endian is not None:
        orders = (overrides.endian == "big",)
    candidates = [read_claims(binary, base, order, declared is not None) for order in orders]
    readable = [
        (claims, form) for claims in candidates if (form := _sample_format(claims, overrides, head.url)) is not None
    ]
    if not readable:
        raise _no_format(candidates, head, overrides)
    found: list[Fit] = []
    refused: list[SegyError] = []
    for claims, form in readable:
        try:
            found.append(fit(claims, form, head, overrides))
        except SegyError as error:
            refused.append(error)
    if not found:
        raise refused[0]

    def worth(one: Fit) -> tuple[bool, bool, bool]:
        return one.exact, one.samples == one.claims.samples, one.samples in probe(one, head).samples

    return max(found, key=worth)


def _sample_format(claims: Claims, overrides: LayoutOverrides, url: str) -> SampleFormat | None:
    return FORMATS.get(claims.code) if overrides.format is None else format_by_code(overrides.format, url=url)


def _no_format(candidates: list[Claims], head: Head, overrides: LayoutOverrides) -> SegyError:
    """Return the refusal of a file without a defined format code: SEG-Y with a wrong word, or not SEG-Y."""
    for claims in candidates:
        fitting = []
        for form in FORMATS.values():
            try:
                if fit(claims, form, head, overrides).exact:
                    fitting.append(str(form.code))
            except SegyError:
                continue
        if fitting and claims.samples:
            signed = f" ({claims.code - 65536})" if claims.code > 32767 else ""
            return UnsupportedFormat(
                f"sample format code {claims.code}{signed} is not defined",
                url=head.url,
                byte=claims.base + 3224,
                hint=f"say what the samples are with --sample-format; by the file size it can be {', '.join(fitting)}",
            )
    su = looks_like_su(head.start, head.size)
    hint = f"it looks like {su}-endian SU, traces without file headers; convert it to SEG-Y first" if su else ""
    codes = " and ".join(str(claims.code) for claims in candidates)
    return NotSegy(
        f"this does not look like SEG-Y: no defined sample format code ({codes} in the byte orders tried) and no"
        " sample count that explains the file size",
        url=head.url,
        byte=candidates[0].base + 3224,
        hint=hint or "if it is SEG-Y, say how to read it with --sample-format, --samples and --endian",
    )
