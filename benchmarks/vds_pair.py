"""SEG-Y to VDS and back side by side with the reference implementation: whole processes, in turns, with equal results.

    python -m benchmarks.vds_pair SEGY --peer BIN [--repeat 5] [--methods none,rle,zip]

``BIN`` is the folder with ``SEGYImport`` and ``SEGYExport`` of the openvds wheel. Every round runs both once, each in a
process of its own that is measured from its start to its end (see :mod:`benchmarks.ingest_pair`). Both write from the
same SEG-Y file and read the same VDS, the one that mdio wrote. Then each result is checked by the other side: what
mdio wrote is exported by ``SEGYExport``, what ``SEGYImport`` wrote by mdio, and all four files must be the SEG-Y file
byte for byte, that is every sample and every header. mdio also writes everything twice, to the same bytes.

Python caches what it compiles, as it does wherever packages are installed, whatever the caller's
``PYTHONDONTWRITEBYTECODE`` says.
"""

from __future__ import annotations

import argparse
import dataclasses
import filecmp
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ingest_pair import Cost, measure, report, warm

METHODS = {"none": "None", "rle": "RLE", "zip": "Zip"}


def cost_of(command: Sequence[str], target: Path) -> Cost:
    """Run a command that writes one file."""
    target.unlink(missing_ok=True)
    return dataclasses.replace(measure(command, target), size=target.stat().st_size)


def in_turns(ours: Sequence[str], theirs: Sequence[str], targets: tuple[Path, Path], rounds: int) -> None:
    """Run both sides so many times and print what they took."""
    costs: dict[str, list[Cost]] = {"mdio": [], "openvds": []}
    for _ in range(rounds):
        for costs_of, command, target in zip(costs.values(), (ours, theirs), targets, strict=True):
            costs_of.append(cost_of(command, target))
    report(costs)


def check(title: str, equal: bool) -> bool:
    """Print what a comparison gave and return it."""
    print(f"  {'equal' if equal else 'DIFFERENT'}: {title}")
    return equal


def compare(segy: Path, method: str, binaries: Path, folder: Path, rounds: int) -> bool:
    """Measure one method, both ways; return whether all results are right."""
    mine, theirs, back, others = (folder / name for name in ("m.vds", "o.vds", "m.sgy", "o.sgy"))

    def convert(source: Path, target: Path, *options: str) -> list[str]:
        return [sys.executable, "-m", "mdio", "convert", str(source), str(target), "--quiet", *options]

    def export(source: Path, target: Path) -> list[str]:
        return [str(binaries / "SEGYExport"), "--quiet", "--vdsfile", str(source), str(target)]

    writing = convert(segy, mine, "-o", f"compression={method}")
    importing = [str(binaries / "SEGYImport"), "--vdsfile", str(theirs), "--compression-method", METHODS[method]]
    importing += ["--disable-print-text-header", str(segy)]
    print(f"\n{method}: SEG-Y to VDS")
    in_turns(writing, importing, (mine, theirs), rounds)
    print(f"{method}: VDS to SEG-Y")
    in_turns(convert(mine, back), export(mine, others), (back, others), rounds)

    def same(one: Path, other: Path) -> bool:
        return filecmp.cmp(one, other, shallow=False)

    right = check("mdio's VDS exported by mdio", same(segy, back))
    right &= check("mdio's VDS exported by SEGYExport", same(segy, others))
    again = folder / "again.sgy"
    run(convert(theirs, again))
    right &= check("SEGYImport's VDS exported by mdio", same(segy, again))
    theirs.unlink()
    twice = folder / "twice.vds"
    run(convert(segy, twice, "-o", f"compression={method}"))
    right &= check("mdio's VDS written twice", same(mine, twice))
    for file in (mine, back, others, again, twice):
        file.unlink()
    return right


def run(command: Sequence[str]) -> None:
    """Run a command that is not measured."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("segy", type=Path)
    parser.add_argument("--peer", type=Path, required=True, help="folder with SEGYImport and SEGYExport")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--folder", type=Path, help="where results are written (a temporary folder by default)")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.pop("PYTHONPATH", None)
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"  # the time of writing is all that two runs may differ in
    print(f"load before: {' '.join(f'{load:.2f}' for load in os.getloadavg())}, {os.cpu_count()} cores")
    warm(arguments.segy)
    with tempfile.TemporaryDirectory(prefix="mdio-bench-", dir=arguments.folder) as folder:
        right = [
            compare(arguments.segy, method, arguments.peer, Path(folder), arguments.repeat)
            for method in arguments.methods.split(",")
        ]
    print(f"load after: {' '.join(f'{load:.2f}' for load in os.getloadavg())}")
    sys.exit(0 if all(right) else 1)


if __name__ == "__main__":
    main()
