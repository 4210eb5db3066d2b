"""Reads with ``mdio.open``: any format, any layout."""

from __future__ import annotations

from typing import Any

from timing import Span, main

import mdio


class Opened:
    def __init__(self, store: str, arguments: dict[str, Any]) -> None:
        self._volume = mdio.open(store, options=arguments.get("options") or None)

    def read(self, region: list[Span]) -> Any:
        return self._volume.samples(mdio.Region(tuple(span) for span in region))

    def close(self) -> None:
        self._volume.close()


if __name__ == "__main__":
    main(Opened)
