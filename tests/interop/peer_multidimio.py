"""Runs in the Python of a multidimio 0.x release: ``peer_multidimio.py import|export|read`` with JSON arguments."""

import json
import sys

import numpy as np


def read(store, pattern, names, out):
    from mdio import MDIOReader

    reader = MDIOReader(store, access_pattern=pattern, return_metadata=True)
    live, headers, samples = (np.asarray(part) for part in reader[:])
    np.savez(out + ".npz", live=live, samples=samples, **{f"header_{name}": headers[name] for name in names})
    facts = {
        "itemsize": headers.dtype.itemsize,
        "fields": len(headers.dtype.names),
        "shape": list(reader.shape),
        "trace_count": int(reader.trace_count),
        "stats": {key: float(value) for key, value in reader.stats.items()},
        "text_header": list(reader.text_header),
        "binary_header": {key: int(value) for key, value in dict(reader.binary_header).items()},
        "names": list(reader.grid.dim_names),
        "coords": [np.asarray(reader.grid.select_dim(name).coords).tolist() for name in reader.grid.dim_names],
    }
    with open(out + ".json", "w") as file:
        json.dump(facts, file)


def main():
    command, arguments = sys.argv[1], json.loads(sys.argv[2])
    if command == "read":
        read(**arguments)
    elif command == "export":
        from mdio import mdio_to_segy

        mdio_to_segy(**arguments)
    else:
        from mdio import segy_to_mdio

        segy_to_mdio(**arguments)


if __name__ == "__main__":
    main()
