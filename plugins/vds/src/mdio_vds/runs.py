"""Run-length streams (VDS specification section 8.3), both ways without a Python step per value.

A stream is a 12-byte header and pieces: a control of one or two bytes, then either one unit that repeats (a run) or as
many units as the control says (literals). Seismic samples give few, long pieces, which are copied one by one; where
pieces are short (labels, masks, muted zones) all of them are moved at once with masks.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RunLengthError", "decode_runs", "encode_runs"]

_HEADER = struct.Struct("<3i")  # bytes of the stream with this header, bytes it decodes to, bytes of a unit
_UNITS = (1, 2, 4, 8)
_LITERAL, _LONG = 0x40, 0x80  # a control's low 6 bits are the low bits of the length - 1
_SHORT = 64  # most units of a control without a second byte
_LIMIT = 16384  # most units of any control

_SPARSE = 64
"""Bytes a piece from which copying pieces one by one beats moving all of them with masks (measured)."""

_BATCH = 256
"""Pieces that are copied one by one before that measure is taken."""

_GRACE = 16 * _SPARSE
"""Bytes that the search for controls is ahead of that measure at the start, so that it is not given up too early."""

_WINDOW = 16384
"""Bytes of a stream whose controls are looked for at once: its tables stay in the first-level caches (measured)."""

_STRIDE = 16
"""Controls that one Python step passes over; a power of two."""


class RunLengthError(ValueError):
    """A stream that is not a run-length stream of the bytes that are due."""


def encode_runs(data: NDArray[np.uint8], unit: int) -> list[bytes | memoryview]:
    """Encode bytes as runs of equal units.

    Equal units make a run as OpenVDS has it: two of them, or three where a unit is one byte and literals would have to
    end for them. Streams are as long as its, and nearly always the same.

    Parameters
    ----------
    data
        Bytes, one axis, contiguous; a whole number of units.
    unit
        Bytes of a unit: 1, 2, 4 or 8.

    Returns
    -------
    list of buffers
        What the stream consists of, in order, the header first. Some may share memory with ``data``.
    """
    units = data.view(f"u{unit}")
    lengths, repeated, inside = _pieces(units)
    long = lengths > _SHORT
    sizes = unit * np.where(repeated, 1, lengths)
    controls = 1 + long.astype(np.intp)
    first = ((lengths - 1) & (_SHORT - 1) | np.where(repeated, 0, _LITERAL) | np.where(long, _LONG, 0)).astype(np.uint8)
    second = ((lengths - 1) >> 6).astype(np.uint8)
    total = int(controls.sum() + sizes.sum())
    header = _HEADER.pack(_HEADER.size + total, data.size, unit)
    starts = np.cumsum(lengths) - lengths
    if total >= _SPARSE * lengths.size:
        view = data.data
        both = np.stack([first, second], axis=1).tobytes()
        out: list[bytes | memoryview] = [header]
        pieces = zip(controls.tolist(), (unit * starts).tolist(), sizes.tolist(), strict=True)
        for i, (control, start, size) in enumerate(pieces):
            out += [both[2 * i : 2 * i + control], view[start : start + size]]
        return out
    kept = np.logical_not(inside)
    kept[starts] = True
    stream = np.empty(total, np.uint8)
    at = np.cumsum(controls + sizes) - controls - sizes
    stream[_bodies(total, at, long)] = units[np.flatnonzero(kept)].view(np.uint8)
    stream[at] = first
    stream[at[long] + 1] = second[long]
    return [header, stream.data]


def decode_runs(payload: bytes | memoryview, size: int, begin: int = 0) -> NDArray[np.uint8]:
    """Decode a stream.

    Parameters
    ----------
    payload
        What ends with the stream, header and pieces.
    size
        Bytes that are due. Memory for them is taken once the pieces are known to give as many.
    begin
        First byte of the stream.

    Returns
    -------
    ndarray
        ``size`` bytes, freshly made.

    Raises
    ------
    RunLengthError
        Anything does not fit.
    """
    length = len(payload) - begin
    if length < _HEADER.size:
        raise RunLengthError("the header is cut off")
    total, decoded, unit = _HEADER.unpack_from(payload, begin)
    if total != length or decoded != size or unit not in _UNITS or size % unit:
        raise RunLengthError(f"header ({total}, {decoded}, {unit}) for {length} bytes that decode to {size}")
    begin += _HEADER.size
    pieces = _joined(bytes(payload), begin, unit, size)
    if pieces is not None:
        return np.frombuffer(pieces, np.uint8)
    raw = np.frombuffer(payload, np.uint8, offset=begin)
    at = _controls(raw, unit)
    first = raw[at]
    long = first >= _LONG
    if long.size and long[-1] and at[-1] + 1 == raw.size:
        raise RunLengthError("the last run is cut off")
    lengths = (first & (_SHORT - 1)).astype(np.intp) + 1
    lengths[long] += raw[at[long] + 1].astype(np.intp) << 6
    literal = (first & _LITERAL) != 0
    start = at + 1 + long
    if at.size and start[-1] + unit * (lengths[-1] if literal[-1] else 1) != raw.size:
        raise RunLengthError("the last run is cut off")
    if unit * int(lengths.sum()) != size:
        raise RunLengthError(f"the runs give {unit * int(lengths.sum())} bytes where {size} are due")
    kept = raw[_bodies(raw.size, at, long)].view(f"u{unit}")
    times = np.ones(kept.size, np.intp)
    times[(np.cumsum(np.where(literal, lengths, 1)) - 1)[~literal]] = lengths[~literal]
    return np.repeat(kept, times).view(np.uint8)


def _bodies(size: int, at: NDArray[np.intp], long: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return which bytes of a stream are no control bytes, with the places of controls and which have two bytes."""
    body = np.ones(size, np.bool_)
    body[at] = False
    body[at[long] + 1] = False
    return np.flatnonzero(body)  # by numbers takes a fifth of the time that a mask takes


def _pieces(units: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """Cut units into pieces.

    Returns lengths in units, which pieces are runs, and which units belong to a run and are not its first.
    """
    equal = np.zeros(units.size + 1, np.bool_)  # with the unit before; neither the first nor the end is
    np.equal(units[1:], units[:-1], out=equal[1:-1])
    edges = np.flatnonzero(equal[1:] != equal[:-1])
    starts, stops = edges[::2], edges[1::2] + 1
    if units.itemsize == 1 and starts.size:
        # A pair counts only where no literals would have to end for it: behind a run, or at the very start.
        sure = stops - starts > 2
        sure[0] |= starts[0] == 0
        number = np.arange(starts.size)
        apart = np.concatenate([[True], starts[1:] != stops[:-1]])
        runs = np.maximum.accumulate(np.where(sure, number, -1)) >= np.maximum.accumulate(np.where(apart, number, 0))
        equal[starts[~runs] + 1] = False
        starts, stops = starts[runs], stops[runs]
    bounds = np.empty(2 * starts.size + 2, np.intp)
    bounds[0], bounds[-1] = 0, units.size
    bounds[1:-1:2], bounds[2:-1:2] = starts, stops
    lengths = np.diff(bounds)  # literals and runs by turns, starting with literals
    repeated = np.zeros(lengths.size, np.bool_)
    repeated[1::2] = True
    present = lengths > 0
    lengths, repeated = lengths[present], repeated[present]
    if lengths.size and lengths.max() > _LIMIT:
        parts = -(-lengths // _LIMIT)
        lasts = np.cumsum(parts) - 1
        rest = lengths - (parts - 1) * _LIMIT
        repeated = np.repeat(repeated, parts)
        lengths = np.full(repeated.size, _LIMIT)
        lengths[lasts] = rest
    return lengths, repeated, equal[:-1]


def _joined(raw: bytes, at: int, unit: int, size: int) -> bytearray | None:
    """Return the decoded bytes of a stream of long pieces; None, early, for one whose pieces are short."""
    pieces: list[bytes] = []
    begin, end, repeated = at, len(raw), 0
    while at < end:
        for _ in range(_BATCH):
            control = raw[at]
            at += 1
            length = (control & (_SHORT - 1)) + 1
            if control & _LONG:
                if at == end:
                    raise RunLengthError("the last run is cut off")
                length += raw[at] << 6
                at += 1
            if control & _LITERAL:
                behind = at + length * unit
                pieces.append(raw[at:behind])
            else:
                behind = at + unit
                repeated += length * unit
                if repeated > size:
                    raise RunLengthError(f"the runs give more than the {size} bytes that are due")
                pieces.append(raw[at:behind] * length)
            at = behind
            if at >= end:
                break
        else:
            if at - begin < _SPARSE * len(pieces):
                return None
    if at != end:
        raise RunLengthError("the last run is cut off")
    decoded = bytearray().join(pieces)
    if len(decoded) != size:
        raise RunLengthError(f"the runs give {len(decoded)} bytes where {size} are due")
    return decoded


def _controls(raw: NDArray[np.uint8], unit: int) -> NDArray[np.intp]:
    """Return where the pieces start; the last may reach past the end.

    Each control says where the next one is, so they have to be followed one by one. Where they are far apart that is
    a short loop. Where they are close, the place of the 16th control from *every* byte is found by doubling, and the
    loop takes only every 16th.
    """
    data = raw.data
    found: list[NDArray[np.intp]] = []
    at, end = 0, raw.size
    while at < end:
        begin, seen = at, list[int]()
        while at < end and len(seen) * _SPARSE < at - begin + _GRACE:
            seen.append(at)
            control = data[at]
            at += 1
            length = control & (_SHORT - 1)
            if control & _LONG:
                length |= data[at] << 6 if at < end else 0
                at += 1
            at += (length + 1) * unit if control & _LITERAL else unit
        found.append(np.array(seen, np.intp))
        if at < end:
            places, at = _dense_controls(raw, at, min(end - at, _WINDOW), unit)
            found.append(places)
    return np.concatenate(found) if found else np.empty(0, np.intp)


def _dense_controls(raw: NDArray[np.uint8], begin: int, window: int, unit: int) -> tuple[NDArray[np.intp], int]:
    """Return where the pieces start within a window that starts with one, and where the piece behind them starts."""
    control = raw[begin : begin + window]
    second = raw[begin + 1 : begin + window + 1]
    if second.size < window:
        second = np.append(second, np.uint8(0))
    every = np.arange(256)
    literal, long = (every & _LITERAL) // _LITERAL, every // _LONG
    step = (1 + long + unit * np.where(literal, (every & (_SHORT - 1)) + 1, 1)).take(control)
    step += (unit * _SHORT * literal * long).take(control) * second
    following = np.full(window + 1, window, np.intp)  # the place behind the window leads to itself
    np.minimum(np.arange(window) + step, window, out=following[:window])
    doubled = [following]
    while 2 ** (len(doubled) - 1) < _STRIDE:
        doubled.append(doubled[-1].take(doubled[-1]))
    far = doubled.pop().data
    seen, at = [], 0
    while at < window:
        seen.append(at)
        at = far[at]
    places = np.array(seen, np.intp)
    for table in reversed(doubled):
        places = np.stack([places, table.take(places)], axis=1).ravel()
    places = places[places < window]
    last = int(places[-1])
    return places + begin, begin + last + int(step[last])
