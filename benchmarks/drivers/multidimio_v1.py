"""Runs in the Python of multidimio 1.x: ``multidimio_v1.py import|export|rechunk JSON``, or reads (see ``timing``)."""

from __future__ import annotations

import json
import sys
from typing import Any

from timing import Span, main


class Opened:
    def __init__(self, store: str, _: dict[str, Any]) -> None:
        from mdio import open_mdio

        self._array = open_mdio(store)["amplitude"]

    def read(self, region: list[Span]) -> Any:
        return self._array[tuple(slice(*span) for span in region)].values

    def close(self) -> None:
        pass


def specification(keys: dict[str, int]) -> Any:
    from segy.schema import HeaderField
    from segy.standards import get_segy_standard

    fields = [HeaderField(name=name, byte=byte, format="int32") for name, byte in keys.items()]
    return get_segy_standard(1.0).customize(trace_header_fields=fields)


def ingest(source: str, target: str, template: str, keys: dict[str, int], chunks: list[int] | None) -> None:
    from mdio.builder.template_registry import TemplateRegistry

    from mdio import segy_to_mdio

    layout = TemplateRegistry().get(template)
    if chunks:
        layout.full_chunk_shape = tuple(chunks)
    segy_to_mdio(
        segy_spec=specification(keys), mdio_template=layout, input_path=source, output_path=target, overwrite=True
    )


def export(source: str, target: str, keys: dict[str, int]) -> None:
    from mdio import mdio_to_segy

    mdio_to_segy(segy_spec=specification(keys), input_path=source, output_path=target)


def rechunk(store: str, chunks: list[int]) -> None:
    from mdio.builder.schemas.compressors import Blosc

    from mdio import OptimizedAccessPatternConfig, open_mdio, optimize_access_patterns

    dataset = open_mdio(store)
    optimize_access_patterns(
        dataset,
        OptimizedAccessPatternConfig(
            optimize_dimensions={dataset["amplitude"].dims[0]: tuple(chunks)},
            processing_chunks=dict.fromkeys(dataset["amplitude"].dims, 256),
            compressor=Blosc(),
        ),
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        {"import": ingest, "export": export, "rechunk": rechunk}[sys.argv[1]](**json.loads(sys.argv[2]))
    else:
        main(Opened)
