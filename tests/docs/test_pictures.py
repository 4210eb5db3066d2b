"""Pictures that pages show are there and small, none is left over, and the README has a place for its table."""

from __future__ import annotations

import re

from doc_blocks import ROOT

IMAGES = ROOT / "docs" / "images"
_SHOWN = re.compile(r"\]\((?:docs/)?images/([\w.]+)\)")


def _pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_picture_is_there_and_is_shown():
    shown = {name for page in _pages() for name in _SHOWN.findall(page.read_text(encoding="utf-8"))}
    assert "section.png" in shown
    assert shown == {path.name for path in IMAGES.iterdir() if path.suffix in {".png", ".svg"}}


def test_pictures_are_small():
    sizes = {path.name: path.stat().st_size for path in IMAGES.iterdir()}
    assert {name: size for name, size in sizes.items() if size > 160_000} == {}


def test_pictures_of_the_page_on_seeing_are_made_by_its_commands():
    text = (ROOT / "docs" / "seeing.md").read_text(encoding="utf-8")
    made = set(re.findall(r"-o ([\w.]+\.png)", text))
    photographed = {"terminal.png", "serve.png"}
    assert set(_SHOWN.findall(text)) - photographed - {"section.png"} <= made


def test_the_readme_has_one_place_for_the_table():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"<!-- table:(\w+) -->", text) == ["begin", "end"]
