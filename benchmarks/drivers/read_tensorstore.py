"""Reads the samples of an MDIO dataset, written by whomever, with tensorstore."""

from __future__ import annotations

from typing import Any

import tensorstore
from timing import Span, main


class Opened:
    def __init__(self, store: str, arguments: dict[str, Any]) -> None:
        spec = {"driver": arguments["driver"], "kvstore": {"driver": "file", "path": f"{store}/{arguments['array']}/"}}
        self._array = tensorstore.open(spec, read=True).result()

    def read(self, region: list[Span]) -> Any:
        return self._array[tuple(slice(*span) for span in region)].read().result()

    def close(self) -> None:
        pass


if __name__ == "__main__":
    main(Opened)
