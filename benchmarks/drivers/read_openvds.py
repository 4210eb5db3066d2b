"""Reads with the openvds wheel; its axes are those of the file in reverse."""

from __future__ import annotations

from typing import Any

import openvds
from timing import Span, main


class Opened:
    def __init__(self, store: str, _: dict[str, Any]) -> None:
        self._handle = openvds.open(store)
        self._manager = openvds.getAccessManager(self._handle)

    def read(self, region: list[Span]) -> Any:
        low, high = ([span[end] for span in reversed(region)] for end in (0, 1))
        plane = {"dimensionsND": openvds.DimensionsND.Dimensions_01} if len(region) == 2 else {}
        return self._manager.requestVolumeSubset(low, high, **plane).data

    def close(self) -> None:
        openvds.close(self._handle)


if __name__ == "__main__":
    main(Opened)
