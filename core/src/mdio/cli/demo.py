"""``mdio demo``: the whole tool in a few seconds, on a survey made for the purpose."""

from __future__ import annotations

import filecmp
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.options import Json
from mdio.exceptions import IntegrityError, PluginNotInstalledError

__all__ = ["app"]

app = typer.Typer()

_INLINES, _CROSSLINES, _SAMPLES = 60, 50, 400


@app.command()
def demo(
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the files in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Make a small survey, import it, read from it, convert it on and back, and check every byte."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        _show(*_tour(keep), str(keep), as_json=as_json)
        return
    with tempfile.TemporaryDirectory(prefix="mdio-demo-") as folder:
        steps, same = _tour(Path(folder))
    _show(steps, same, "", as_json=as_json)


def _show(steps: list[tuple[str, str, float]], same: bool, folder: str, *, as_json: bool) -> None:
    """Print what was done, and fail when the survey did not come back."""
    if as_json:
        facts = [{"step": step, "result": result, "seconds": round(taken, 4)} for step, result, taken in steps]
        render.output_json({"steps": facts, "same": same, "folder": folder})
    else:
        rows = [(step, result, f"{taken * 1000:.0f} ms") for step, result, taken in steps]
        render.table(rows, ["Step", "Result", "Time"], right=["Time"])
    if not same:
        raise IntegrityError("the survey did not come back as it was", hint="please report this")
    if not as_json:
        render.lines(
            "",
            "Not a byte was lost." + (f" The files are in {folder}" if folder else ""),
            "Next: mdio segy scan FILE.sgy   ·   mdio segy import FILE.sgy FILE.mdio   ·   mdio info FILE.mdio",
        )


def _tour(folder: Path) -> tuple[list[tuple[str, str, float]], bool]:
    """Make the files; return each step with its result and seconds, and whether the survey came back."""
    import numpy as np

    from mdio.convert import convert, open
    from mdio.core.region import Region
    from mdio.plugins.registry import registry
    from mdio.testing.survey import poststack

    if "segy" not in {reader.name for reader in registry().readers()}:
        raise PluginNotInstalledError("the demo needs SEG-Y", hint="pip install -e plugins/segy")
    rows: list[tuple[str, str, float]] = []

    @contextmanager
    def step(what: str) -> Iterator[list[str]]:
        begun, result = time.perf_counter(), [""]
        yield result
        rows.append((what, result[0], time.perf_counter() - begun))

    survey, dataset, back = folder / "survey.sgy", folder / "survey.mdio", folder / "back.sgy"
    made = poststack((_INLINES, _CROSSLINES, _SAMPLES))
    with step("make a SEG-Y survey") as said:
        convert_volume(made, survey)
        said[0] = f"{_INLINES} inlines × {_CROSSLINES} crosslines × {_SAMPLES} samples, {_size(survey)}"
    with step("import it, geometry found") as said:
        report = convert(survey, dataset, target_format="mdio", overwrite=True)
        said[0] = f"{_size(dataset)} in chunks of 64³, {report.slabs} slab" + ("s" if report.slabs > 1 else "")
    volume = open(dataset)
    shape = volume.schema.shape
    with step("read an inline") as said:
        line = volume.samples(Region([(30, 31), (0, shape[1]), (0, shape[2])]))
        said[0] = f"inline {volume.schema.dims[0].coords[30]}: {line.shape[1]} × {line.shape[2]}, std {line.std():.3f}"
    with step("read a time slice") as said:
        slice_ = volume.samples(Region([(0, shape[0]), (0, shape[1]), (200, 201)]))
        said[0] = f"{volume.schema.dims[2].coords[200]:g} ms: {slice_.shape[0]} × {slice_.shape[1]}"
    with step("compare with the survey") as said:
        same = np.array_equal(volume.samples(volume.schema.region), open(survey).samples(volume.schema.region))
        said[0] = "every sample equal" if same else "DIFFERENT"
    volume.close()
    last = dataset
    if "vds" in {writer.name for writer in registry().writers()}:
        last = folder / "survey.vds"
        with step("convert it to VDS") as said:
            convert(dataset, last, overwrite=True)
            said[0] = _size(last)
    with step("export it to SEG-Y") as said:
        convert(last, back, target_format="segy", overwrite=True)
        same = same and filecmp.cmp(survey, back, shallow=False)
        said[0] = f"{_size(back)}, byte for byte the survey" if same else "DIFFERENT FROM THE SURVEY"
    return rows, same


def convert_volume(volume: Any, target: Path) -> None:
    """Write a volume that is in memory."""
    from mdio.convert import create
    from mdio.core.volume import Creation
    from mdio.flow import engine

    sink = create(target, volume, creation=Creation(overwrite=True))
    try:
        engine.run(volume, sink)
    finally:
        sink.close()


def _size(path: Path) -> str:
    from mdio.cli.running import size_text

    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return size_text(sum(file.stat().st_size for file in files))
