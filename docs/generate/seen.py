"""Makes the pictures of the page on seeing data: runs the page, and looks at the terminal and the browser it speaks of.

Needs matplotlib and, for the terminal and the browser, Chromium.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from unittest import mock

__all__ = ["draw_seen"]

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = _ROOT / "docs" / "seeing.md"
_IMAGES = _ROOT / "docs" / "images"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def draw_seen() -> list[Path]:
    """Make every picture that the page shows and its commands make; return where they are."""
    shown = set(re.findall(r"\]\(images/([\w.]+)\)", _PAGE.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        _run_page(Path(name))
        made = [Path(shutil.copy(path, _IMAGES)) for path in sorted(Path(name).glob("*.png")) if path.name in shown]
        _terminal("survey.mdio", _IMAGES / "terminal.png")
        _browser("survey.mdio", _IMAGES / "serve.png")
    return [*made, _IMAGES / "terminal.png", _IMAGES / "serve.png"]


def _run_page(folder: Path) -> None:
    sys.path.append(str(_ROOT / "tests" / "support"))
    from doc_blocks import PageRunner, blocks_of

    runner = PageRunner(folder)
    for block in blocks_of(_PAGE.read_text(encoding="utf-8")):
        if not block.excuse:
            runner.run(block)


def _terminal(dataset: str, target: Path) -> None:
    """Draw what a terminal of 100 columns shows."""
    from rich.console import Console
    from rich.text import Text

    from mdio.cli import main

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out: Any = Terminal()
    size = os.terminal_size((100, 34))
    with mock.patch("shutil.get_terminal_size", lambda *_: size), contextlib.redirect_stdout(out):
        assert main(["plot", dataset, "--inline", "131"]) == 0
    console = Console(
        record=True, width=size.columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_ansi(out.getvalue()))
    svg = console.export_svg(title=f"mdio plot {dataset} --inline 131")
    # Fonts of the machine instead of those that a network would have.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S).replace("Fira Code", "DejaVu Sans Mono")
    page = Path("terminal.html")
    page.write_text(f'<meta charset="utf-8"><body style="margin:0">{svg}', encoding="utf-8")
    width, height = (float(number) for number in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    _photograph(page.resolve().as_uri(), target, int(width), int(height))


def _browser(dataset: str, target: Path) -> None:
    """Take a picture of the page of ``mdio serve``."""
    import mdio
    from mdio.api.browsing import Browsed
    from mdio.api.serving import SliceServer

    with mdio.open(dataset) as volume, SliceServer(Browsed(volume, dataset)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            _photograph(server.url, target, 1100, 700)
        finally:
            server.shutdown()
            thread.join()


def _photograph(url: str, target: Path, width: int, height: int) -> None:
    browser = next(filter(None, map(shutil.which, _BROWSERS)))
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
            *(f"--user-data-dir={profile}", f"--window-size={width},{height}", "--virtual-time-budget=8000"),
            *(f"--screenshot={target}", url),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - our own words
