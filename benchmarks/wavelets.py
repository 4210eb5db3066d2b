"""Wavelet bricks side by side with the reference implementation, through the API that both have.

    python -m benchmarks.wavelets --peer PYTHON [--segy FILE] [--edge 192] [--tolerance 1] [--repeat 5]

``PYTHON`` is the interpreter of an environment with openvds. Each round runs both once, each in a process of its own,
which says how long it wrote and read; imports are not counted. Both write the same samples with the same value range,
brick by brick, and each reads its own file; then each reads the file of the other, and both must find the same in
both. With ``--segy``, ``SEGYImport`` beside that interpreter and ``mdio convert`` write the survey as whole processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

DRIVER = Path(__file__).parent / "drivers" / "wavelets.py"
METHODS = ("Wavelet", "WaveletLossless")


def ask(python: str, module: str, *arguments: object) -> dict[str, Any]:
    """Run the driver with one of the two modules and return what it says."""
    command = [python, str(DRIVER), module, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def pair(peer: str, method: str, source: Path, folder: Path, tolerance: float, rounds: int) -> bool:
    """Measure one method and print a table; return whether both sides read the same."""
    sides = {"mdio": (sys.executable, "mdio_vds"), "openvds": (peer, "openvds")}
    paths = {name: folder / f"{name}.vds" for name in sides}
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, (python, module) in sides.items():
            found = ask(python, module, "write", paths[name], source, method, tolerance)
            found |= ask(python, module, "read", paths[name], source)
            old = best.setdefault(name, found)
            for key in ("write_s", "read_s"):
                old[key] = min(old[key], found[key])
    seen = {
        (name, path.name): ask(python, module, "read", path, source)["crc"]
        for name, (python, module) in sides.items()
        for path in paths.values()
    }
    same = all(len({crc for (_, file), crc in seen.items() if file == path.name}) == 1 for path in paths.values())
    table = Table("", *best, "ratio", title=f"{method}, tolerance {tolerance:g}, {source.name}")
    size = best["mdio"]["bytes"]
    rows = {"write, MB/s": "write_s", "read, MB/s": "read_s"}
    for title, key in rows.items():
        speeds = [size / best[name][key] / 1e6 for name in best]
        table.add_row(title, *(f"{speed:.0f}" for speed in speeds), f"{speeds[0] / speeds[1]:.2f}")
    sizes = [paths[name].stat().st_size / 1e6 for name in best]
    table.add_row("file, MB", *(f"{mega:.2f}" for mega in sizes), f"{sizes[1] / sizes[0]:.3f}")
    table.add_row("SNR, dB", *(f"{best[name]['snr']:.2f}" for name in best), "")
    Console(width=100).print(table)
    print("each reads the other's file as the other does" if same else "DIFFERENT: the two do not read the same")
    return same


def main() -> int:
    """Run what the command line asks for; return 1 where results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--segy", type=Path)
    parser.add_argument("--edge", type=int, default=192)
    parser.add_argument("--tolerance", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mdio-wavelets-") as folder:
        sources = [Path(folder) / f"{wanted.edge} cubed.npy"]
        subprocess.run([sys.executable, str(DRIVER), "mdio_vds", "make", sources[0], str(wanted.edge)], check=True)
        if wanted.segy is not None:
            sources.append(Path(folder) / f"{wanted.segy.stem}.npy")
            subprocess.run([sys.executable, str(DRIVER), "mdio_vds", "take", sources[1], wanted.segy], check=True)
        right = True
        for source in sources:
            for method in METHODS:
                right &= pair(wanted.peer, method, source, Path(folder), wanted.tolerance, wanted.repeat)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
