"""Why a file was refused, one class a reason, so that callers can react to the reason and not to the text.

::

    SegyError (FormatError)
    ├ NotSegy                    other content under a SEG-Y name
    │ └ CompressedInput          gzip, zip, … around it
    ├ TruncatedFile              too short, or bytes left over after the last whole trace
    ├ NoTraces                   headers only
    ├ UnsupportedFormat          a sample format code nobody defined
    ├ UnsupportedByteOrder       pairwise swapped words
    ├ InconsistentByteOrder      binary header and traces disagree
    ├ BadSampleCount             no sample count fits the file
    ├ BadExtendedText            extended textual records that are not there
    ├ BadOffset                  a position beyond the file
    ├ FilesDiffer                several files whose traces are not of one form
    ├ VaryingTraceLength         traces of different lengths that cannot be followed
    └ ValueNotRepresentable      a sample that the wanted format cannot hold
"""

from __future__ import annotations

from mdio.exceptions import FormatError

__all__ = [
    "BadExtendedText",
    "BadOffset",
    "BadSampleCount",
    "CompressedInput",
    "FilesDiffer",
    "InconsistentByteOrder",
    "NoTraces",
    "NotSegy",
    "SegyError",
    "TruncatedFile",
    "UnsupportedByteOrder",
    "UnsupportedFormat",
    "ValueNotRepresentable",
    "VaryingTraceLength",
]


class SegyError(FormatError):
    """A SEG-Y file, or what is to become one, is not as the standard and practice have it."""


class NotSegy(SegyError):
    """The bytes are something else than SEG-Y."""


class CompressedInput(NotSegy):
    """The file is packed; it has to be unpacked first, because traces are read by position."""


class TruncatedFile(SegyError):
    """The file does not hold a whole number of traces, or not even its file headers."""


class NoTraces(SegyError):
    """File headers without a trace behind them."""


class UnsupportedFormat(SegyError):
    """A sample format code that no revision of SEG-Y defines."""


class UnsupportedByteOrder(SegyError):
    """Bytes swapped in pairs (2143), which no instrument of today writes."""


class InconsistentByteOrder(SegyError):
    """Binary header in one byte order, traces in another."""


class BadSampleCount(SegyError):
    """No count of samples per trace that the file states fits its size."""


class BadExtendedText(SegyError):
    """More extended textual records are announced than there are, or their end is missing."""


class BadOffset(SegyError):
    """The file says that its traces begin where there is nothing."""


class FilesDiffer(SegyError):
    """Several files that were to make one dataset have traces of different forms."""


class VaryingTraceLength(SegyError):
    """Traces have different sample counts, and following them does not explain the file."""


class ValueNotRepresentable(SegyError):
    """A sample value does not exist in the format it is to be written in."""
