"""``mdio vds verify``: names every damaged chunk of a VDS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from mdio.cli import render
from mdio.cli.options import Quiet, StorageOptions, Workers, settings_of
from mdio.exceptions import IntegrityError
from mdio_vds.cli_options import Json, VdsUrl

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio_vds.checking import ChunkCheck

__all__ = ["verify"]

_KEPT = 1000


def verify(
    context: typer.Context,
    vds: VdsUrl,
    workers: Workers = None,
    storage_options: StorageOptions = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Read every chunk of every layer, check and decode it, and name what is damaged and where that lies.

    Ends with code 4 when anything is. Chunks that others wrote carry no check: whether they decode is all that can be
    said of them. mdio verify looks at the samples and headers as well.
    """
    from mdio.cli.running import progress_of
    from mdio.convert import Stores
    from mdio_vds.volume import open_volume

    observer = progress_of(settings_of(context), quiet=quiet)
    stores = Stores(storage_options or {})
    volume = open_volume(vds, None, stores)
    try:
        found = _Found(volume.schema.dims)
        for check in volume.check_chunks(workers=workers, observers=[observer]):
            found.add(check)
    finally:
        volume.close()
    url = stores.open(vds).url
    if json:
        render.output_json({"path": url, **found.facts()})
    else:
        found.show(url)
    if found.damaged:
        raise typer.Exit(IntegrityError.exit_code)


@dataclass(slots=True)
class _Found:
    """Adds up what was found."""

    dims: Sequence[Dimension]
    kinds: Counter[str] = field(default_factory=Counter)
    unchecked: int = 0
    undecoded: int = 0
    damaged: int = 0
    damages: list[dict[str, Any]] = field(default_factory=list)

    def add(self, check: ChunkCheck) -> None:
        from mdio_vds.chunks import ChunkKind

        if check.kind is not None:
            self.kinds[check.kind.value] += 1
        if check.problem:
            self.damaged += 1
            if len(self.damages) < _KEPT:
                self.damages.append(self._row(check))
        elif check.kind is ChunkKind.STORED:
            self.unchecked += not check.checked
            self.undecoded += not check.decoded

    def _row(self, check: ChunkCheck) -> dict[str, Any]:
        from mdio.core.places import region_text

        region = check.region
        return {
            "layer": check.layer,
            "chunk": check.index,
            "name": check.name,
            "where": "" if region is None else region_text(self.dims, region),
            "region": None if region is None else [list(span) for span in region],
            "message": check.problem,
        }

    def facts(self) -> dict[str, Any]:
        """Return everything for ``--json``."""
        return {
            "ok": not self.damaged,
            "chunks": sum(self.kinds.values()),
            **{kind.replace(" ", "_"): self.kinds[kind] for kind in ("stored", "constant", "no value", "unwritten")},
            "unchecked": self.unchecked,
            "undecoded": self.undecoded,
            "damaged": self.damaged,
            "damages": self.damages,
        }

    def show(self, url: str) -> None:
        """Print everything for people."""
        said = []
        for row in self.damages:
            chunk = "" if row["chunk"] is None else f" chunk {row['chunk']}"
            where = f" ({row['where']})" if row["where"] else ""
            said.append(("damaged", f"{row['layer']}{chunk}{where}: {row['message']}"))
        if self.damaged > len(self.damages):
            said.append(("damaged", f"and {self.damaged - len(self.damages):,} more"))
        if said:
            render.key_values(said)
            render.lines("")
        verdict = f"{self.damaged:,} damaged" if self.damaged else "whole"
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.items())
        without = f"; {self.unchecked:,} without a check of ours" if self.unchecked else ""
        closed = f"; {self.undecoded:,} of layers that fit no channel and were not decoded" if self.undecoded else ""
        render.lines(f"{url}: {verdict}; chunks: {kinds or 'none'}{without}{closed}")
