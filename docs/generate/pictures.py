"""Makes the pictures of the pages: ``python docs/generate/pictures.py``. They are committed; run it when looks change.

The picture of the architecture is plain SVG text, which a test compares; the others need matplotlib, and two of them
Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

sys.path.append(str(Path(__file__).resolve().parents[1]))

from generate.seen import draw_seen

__all__ = ["architecture"]

IMAGES = Path(__file__).resolve().parents[1] / "images"

_TOLERANCES = (0.1, 1, 6)
_WIDTH = 900


# -- architecture --------------------------------------------------------------------------------------------------

_BOXES = (
    # x, y, width, height, title, text
    (20, 20, 190, 76, "plugin", "descriptors, once, with import strings"),
    (270, 20, 190, 76, "registry", "finds reader and writer"),
    (520, 20, 190, 76, "convert", "opens, creates, wires"),
    (20, 180, 190, 92, "Volume", "SEG-Y, MDIO, VDS, yours: any region, any thread"),
    (270, 180, 190, 92, "engine", "plans slabs, threads, journal, statistics"),
    (520, 180, 190, 92, "Sink", "MDIO, VDS, SEG-Y, yours: blocks in any order"),
    (20, 340, 190, 62, "store", "file, s3, gs, az, http"),
    (520, 340, 190, 62, "store", "complete, or not there"),
)
_ARROWS = (
    # from x, y, to x, y, label
    (210, 58, 270, 58, "hooks"),
    (460, 58, 520, 58, "target"),
    (615, 96, 615, 180, "create"),
    (540, 96, 190, 180, "open"),
    (210, 226, 270, 226, "read"),
    (460, 226, 520, 226, "write"),
    (115, 340, 115, 272, "ranges"),
    (615, 272, 615, 340, "objects"),
)


def architecture() -> str:
    """Return the picture of the architecture as SVG."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 730 420" font-family="sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5563a5"/></marker></defs>',
        '<rect width="730" height="420" rx="8" fill="#ffffff"/>',
    ]
    for x1, y1, x2, y2, label in _ARROWS:
        parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" '
            'stroke="#5563a5" stroke-width="1.5" marker-end="url(#tip)"/>'
        )
        up = y1 == y2
        x, y = (x1 + x2) / 2 + (0 if up else 8), (y1 + y2) / 2 - (6 if up else -4)
        anchor = "middle" if up else "start"
        parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="11" fill="#5563a5">{escape(label)}</text>'
        )
    for x, y, width, height, title, text in _BOXES:
        parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#eef0fa" stroke="#3f51b5"/>'
            f'<text x="{x + 12}" y="{y + 24}" font-weight="bold" fill="#222">{escape(title)}</text>'
        )
        for number, line in enumerate(_wrapped(text, 27)):
            parts.append(f'<text x="{x + 12}" y="{y + 44 + 17 * number}" fill="#444">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


# -- seismic -------------------------------------------------------------------------------------------------------


def _draw() -> None:
    import mdio
    from mdio.cli.demo import convert_volume
    from mdio.testing.survey import poststack

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        survey, exact = folder / "survey.sgy", folder / "exact.mdio"
        convert_volume(poststack((128, 128, 256)), survey)
        mdio.convert(survey, exact, overwrite=True)
        reader = mdio.MDIOReader(str(exact))
        std = float(reader.stats["std"])
        line = reader[64]
        _section(folder)
        raw = line.nbytes * 128
        rows = [("no loss (blosc)", raw / _size(exact), "0")]
        for tolerance in _TOLERANCES:
            target = folder / f"{tolerance}.mdio"
            options = {"codec": {"name": "zfp", "tolerance": tolerance * std}}
            mdio.convert(exact, target, target_options=options)
            kept = mdio.MDIOReader(str(target))[64]
            worst = abs(kept - line).max() / std
            rows.append((f"zfp, tolerance {tolerance:g} std", raw / _size(target), f"{worst:.2g} std"))
            _pair(line, kept, std, tolerance, IMAGES / f"zfp_{tolerance:g}.png")
        table = ["| | times smaller | largest error in the inline |", "|---|---|---|"]
        table += [f"| {what} | {ratio:.1f} | {error} |" for what, ratio, error in rows]
        (IMAGES / "compression.txt").write_text("\n".join(table) + "\n", encoding="utf-8")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _figure(columns: int) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(1, columns, figsize=(3.6 * columns, 3.2), dpi=90, layout="constrained", squeeze=False)


def _show(axes: Any, values: Any, std: float, title: str) -> None:
    axes.imshow(values.T, cmap="gray", vmin=-3 * std, vmax=3 * std, aspect="auto")
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("crossline", fontsize=8)
    axes.set_ylabel("sample", fontsize=8)
    axes.tick_params(labelsize=7)


def _section(folder: Path) -> None:
    """Draw the README's and the quick start's picture with their own commands."""
    from mdio.cli import main

    target = IMAGES / "section.png"
    target.unlink(missing_ok=True)
    assert main(["demo", "--keep", str(folder)]) == 0
    assert main(["plot", str(folder / "survey.mdio"), "--inline", "131", "-o", str(target), "--size", "900x560"]) == 0
    _shrink(target)


def _pair(line: Any, kept: Any, std: float, tolerance: float, path: Path) -> None:
    figure, axes = _figure(2)
    _show(axes[0, 0], kept, std, f"tolerance {tolerance:g} std")
    _show(axes[0, 1], 10 * (kept - line), std, "what was lost, × 10")
    figure.savefig(path)
    _shrink(path)


def _shrink(path: Path) -> None:
    """Keep 900 pixels across and 32 even grays, which eyes cannot tell from all of them, or 256 colours."""
    from PIL import Image, ImageChops

    with Image.open(path) as file:
        picture = file.convert("RGB")
    if picture.width > _WIDTH:
        picture = picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)), Image.Resampling.LANCZOS)
    red, green, blue = picture.split()
    if not (ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox()):
        red.point(lambda level: round(level / 255 * 31) * 255 // 31).save(path, optimize=True)
    else:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "architecture.svg").write_text(architecture(), encoding="utf-8")
    _draw()
    for seen in draw_seen():
        _shrink(seen)
