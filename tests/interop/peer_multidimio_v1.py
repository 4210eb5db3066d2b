"""Runs in the Python of a multidimio 1.x release: ``peer_multidimio_v1.py COMMAND`` with JSON arguments.

Commands are ``import``, ``optimize``, ``export`` and ``read``; files are SEG-Y rev 1 with the standard's bytes.
"""

import json
import sys

import numpy as np


def import_segy(source, target, template, chunks):
    from mdio.builder.template_registry import TemplateRegistry
    from segy.standards import get_segy_standard

    from mdio import segy_to_mdio

    layout = TemplateRegistry().get(template)
    layout.full_chunk_shape = tuple(chunks)
    segy_to_mdio(segy_spec=get_segy_standard(1.0), mdio_template=layout, input_path=source, output_path=target)


def optimize(store, dimensions, tolerance=None):
    """Add ``fast_…`` variables; by default with the release's own compressor, ZFP by the standard deviation."""
    from mdio import OptimizedAccessPatternConfig, open_mdio, optimize_access_patterns

    compressor = None
    if tolerance is not None:
        from mdio.builder.schemas.compressors import ZFP, ZFPMode

        compressor = ZFP(mode=ZFPMode.FIXED_ACCURACY, tolerance=tolerance)
    dataset = open_mdio(store)
    config = OptimizedAccessPatternConfig(
        optimize_dimensions={name: tuple(chunks) for name, chunks in dimensions.items()},
        processing_chunks=dict.fromkeys(dataset["amplitude"].dims, 512),
        compressor=compressor,
    )
    optimize_access_patterns(dataset, config)


def export(store, target):
    from segy.standards import get_segy_standard

    from mdio import mdio_to_segy

    mdio_to_segy(segy_spec=get_segy_standard(1.0), input_path=store, output_path=target)


def read(store, out, plain=False, variables=("amplitude",)):
    """Read variables, mask, headers and coordinates; with ``plain`` by xarray alone."""
    import xarray

    from mdio import open_mdio

    dataset = xarray.open_zarr(store) if plain else open_mdio(store)
    headers = dataset["headers"].values
    big = headers.astype(headers.dtype.newbyteorder(">"))
    arrays = {f"variable_{name}": dataset[name].values for name in variables}
    arrays |= {f"coord_{name}": coord.values for name, coord in dataset.coords.items()}
    arrays["mask"] = dataset["trace_mask"].values
    arrays["heads"] = np.frombuffer(big.tobytes(), np.uint8).reshape(*headers.shape, headers.dtype.itemsize)
    np.savez(out + ".npz", **arrays)
    amplitude = dataset["amplitude"]
    facts = {
        "dims": list(amplitude.dims),
        "kind": amplitude.dtype.str,
        "variables": sorted(map(str, dataset.variables)),
        "names": list(headers.dtype.names),
        "attributes": dict(dataset.attrs),
        "statistics": json.loads(amplitude.attrs.get("statsV1", "null")),
        "units": {name: coord.attrs.get("unitsV1") for name, coord in dataset.coords.items()},
        "file_header": dict(dataset["segy_file_header"].attrs),
    }
    with open(out + ".json", "w") as file:
        json.dump(facts, file)


def main():
    command, arguments = sys.argv[1], json.loads(sys.argv[2])
    {"import": import_segy, "optimize": optimize, "export": export, "read": read}[command](**arguments)


if __name__ == "__main__":
    main()
