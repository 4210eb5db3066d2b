"""Reads with segyio from the SEG-Y file itself, by the mode that fits the request."""

from __future__ import annotations

from typing import Any

import numpy as np
import segyio
from timing import Span, main


class Opened:
    def __init__(self, store: str, arguments: dict[str, Any]) -> None:
        keys = arguments["keys"]
        self._lines = len(keys) > 1
        options = {"iline": keys[0], "xline": keys[1]} if self._lines else {"ignore_geometry": True}
        self._file = segyio.open(store, **options)
        self._shape = arguments["shape"]

    def read(self, region: list[Span]) -> Any:
        whole = [span[0] == 0 and span[1] == length for span, length in zip(region, self._shape, strict=True)]
        one = [span[1] - span[0] == 1 for span in region]
        if all(whole):
            return segyio.tools.cube(self._file) if self._lines else self._file.trace.raw[:]
        if len(region) == 3 and whole[1] and whole[2] and one[0]:
            return self._file.iline[self._file.ilines[region[0][0]]]
        if len(region) == 3 and whole[0] and whole[2] and one[1]:
            return self._file.xline[self._file.xlines[region[1][0]]]
        if all(whole[:-1]) and one[-1]:
            return self._file.depth_slice[region[-1][0]]
        return self._traces(region)

    def _traces(self, region: list[Span]) -> Any:
        """Read the traces of a box, neighbours of the fastest axis in one go; the file is in inline order."""
        *outer, fast, samples = region
        count = self._shape[-2]
        rows = []
        for place in np.ndindex(*(stop - start for start, stop in outer)):
            line = 0
            for (start, _), at, length in zip(outer, place, self._shape, strict=False):
                line = line * length + start + at
            rows.append(self._file.trace.raw[line * count + fast[0] : line * count + fast[1]][:, slice(*samples)])
        return np.stack(rows)

    def close(self) -> None:
        self._file.close()


if __name__ == "__main__":
    main(Opened)
