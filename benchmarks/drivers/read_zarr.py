"""Reads the samples of an MDIO dataset, written by whomever, with zarr-python."""

from __future__ import annotations

from typing import Any

import zarr
from timing import Span, main


class Opened:
    def __init__(self, store: str, arguments: dict[str, Any]) -> None:
        self._array = zarr.open_array(f"{store}/{arguments['array']}", mode="r")

    def read(self, region: list[Span]) -> Any:
        return self._array[tuple(slice(*span) for span in region)]

    def close(self) -> None:
        pass


if __name__ == "__main__":
    main(Opened)
