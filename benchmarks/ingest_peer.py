"""Runs in the Python of multidimio 1.x: ``ingest_peer.py SEGY TARGET KEYS CHUNKS`` imports a post-stack time volume."""

from __future__ import annotations

import sys


def main() -> None:
    from mdio.builder.template_registry import TemplateRegistry
    from segy.schema import HeaderField
    from segy.standards import get_segy_standard

    from mdio import segy_to_mdio

    source, target, keys, chunks = sys.argv[1:]
    names = ("inline", "crossline")
    fields = [
        HeaderField(name=name, byte=int(byte), format="int32")
        for name, byte in zip(names, keys.split(","), strict=True)
    ]
    spec = get_segy_standard(1.0).customize(trace_header_fields=fields)
    template = TemplateRegistry().get("PostStack3DTime")
    template.full_chunk_shape = tuple(int(length) for length in chunks.split(","))
    segy_to_mdio(segy_spec=spec, mdio_template=template, input_path=source, output_path=target, overwrite=True)


if __name__ == "__main__":
    main()
