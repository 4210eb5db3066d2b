"""Runs in the Python of multidimio 0.x: ``multidimio_v0.py import|export|rechunk JSON``, or reads (see ``timing``)."""

from __future__ import annotations

import json
import sys
from typing import Any

from timing import Span, main


class Opened:
    def __init__(self, store: str, arguments: dict[str, Any]) -> None:
        from mdio import MDIOReader

        axes = "".join(str(axis) for axis in range(arguments["axes"]))
        self._reader = MDIOReader(store, access_pattern=axes, return_metadata=False)

    def read(self, region: list[Span]) -> Any:
        return self._reader[tuple(slice(*span) for span in region)]

    def close(self) -> None:
        pass


def rechunk(store: str, chunks: list[int], axes: int) -> None:
    import inspect

    from mdio.api.accessor import MDIOAccessor
    from mdio.api.convenience import rechunk as run

    options = {"mode": "w", "access_pattern": "".join(str(axis) for axis in range(axes)), "storage_options": None}
    options |= {"return_metadata": False, "new_chunks": None, "backend": "zarr", "memory_cache_size": 0}
    options |= {"disk_cache": False}
    known = inspect.signature(MDIOAccessor).parameters  # releases differ
    accessor = MDIOAccessor(store, **{name: value for name, value in options.items() if name in known})
    run(accessor, tuple(chunks), suffix="bench", overwrite=True)


def command(name: str, arguments: dict[str, Any]) -> None:
    if name == "import":
        from mdio import segy_to_mdio

        arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
        segy_to_mdio(**arguments, overwrite=True)
    elif name == "export":
        from mdio import mdio_to_segy

        mdio_to_segy(**arguments)
    else:
        rechunk(**arguments)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        command(sys.argv[1], json.loads(sys.argv[2]))
    else:
        main(Opened)
