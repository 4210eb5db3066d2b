"""Runs in the Python of a multidimio 0.x release: ``peer_multidimio.py COMMAND`` with JSON arguments.

Commands are ``import``, ``export``, ``read``, ``edit`` and ``rechunk``.
"""

import json
import sys

import numpy as np


def read(store, pattern, names, out):
    from mdio import MDIOReader

    reader = MDIOReader(store, access_pattern=pattern, return_metadata=True)
    live, headers, samples = (np.asarray(part) for part in reader[:])
    big = headers.astype(headers.dtype.newbyteorder(">"))
    heads = np.frombuffer(big.tobytes(), np.uint8).reshape(*headers.shape, headers.dtype.itemsize)
    fields = {f"header_{name}": headers[name] for name in names}
    np.savez(out + ".npz", live=live, samples=samples, heads=heads, **fields)
    facts = {
        "itemsize": headers.dtype.itemsize,
        "fields": len(headers.dtype.names),
        "shape": list(reader.shape),
        "chunks": list(reader.chunks),
        "trace_count": int(reader.trace_count),
        "stats": {key: float(value) for key, value in reader.stats.items()},
        "text_header": list(reader.text_header),
        "binary_header": {key: int(value) for key, value in dict(reader.binary_header).items()},
        "names": list(reader.grid.dim_names),
        "coords": [np.asarray(reader.grid.select_dim(name).coords).tolist() for name in reader.grid.dim_names],
    }
    with open(out + ".json", "w") as file:
        json.dump(facts, file)


def key_of(items):
    """JSON to numpy: a pair of numbers is a slice."""
    key = tuple(slice(*item) if isinstance(item, list) else item for item in items)
    return key if len(key) > 1 else key[0]


def edit(store, pattern, samples=(), headers=(), text=None, binary=None):
    """Write samples, ``[[key, value], …]``, header words, ``[[key, field, value], …]``, and the file headers."""
    from mdio import MDIOWriter

    writer = MDIOWriter(store, access_pattern=pattern)
    for items, value in samples:
        writer[key_of(items)] = value
    for items, field, value in headers:
        records = np.array(writer._headers[key_of(items)])
        records[field] = value
        writer._headers[key_of(items)] = records
    if text is not None:
        writer.text_header = text
    if binary is not None:
        writer.binary_header = {**dict(writer.binary_header), **binary}


def rechunk(store, pattern, chunks, suffix, tolerance):
    import inspect

    from numcodecs import ZFPY
    from zfpy import mode_fixed_accuracy

    from mdio.api.accessor import MDIOAccessor
    from mdio.api.convenience import rechunk as run

    known = inspect.signature(MDIOAccessor).parameters
    wanted = {"mode": "w", "access_pattern": pattern, "storage_options": None, "return_metadata": False}
    wanted |= {"new_chunks": None, "backend": "zarr", "memory_cache_size": 0, "disk_cache": False}
    accessor = MDIOAccessor(store, **{name: value for name, value in wanted.items() if name in known})
    run(accessor, tuple(chunks), suffix=suffix, compressor=ZFPY(mode_fixed_accuracy, tolerance=tolerance))


def main():
    command, arguments = sys.argv[1], json.loads(sys.argv[2])
    if command in ("read", "edit", "rechunk"):
        globals()[command](**arguments)
    elif command == "export":
        from mdio import mdio_to_segy

        mdio_to_segy(**arguments)
    else:
        from mdio import segy_to_mdio

        segy_to_mdio(**arguments)


if __name__ == "__main__":
    main()
