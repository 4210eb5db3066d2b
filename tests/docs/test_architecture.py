"""docs/architecture.md is true: its table is the tree and the layers that imports are held to, its names exist."""

from __future__ import annotations

import importlib
import re
import sys

import pytest
from doc_blocks import ROOT

sys.path.append(str(ROOT / "docs"))
sys.path.append(str(ROOT / "tests"))

from generate import modules, pictures

import test_layers as layers

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CORE = ROOT / "core" / "src" / "mdio"


def table(head):
    """Rows of the table that begins with this cell, cells as text."""
    rows = TEXT.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names(text):
    return re.findall(r"`([\w.]+)`", text)


def test_the_table_has_the_layers_that_imports_are_held_to():
    said = {name: layer for layer, modules_, _ in table("layer") for name in names(modules_)}
    held = {name: str(number) for number, group in enumerate(layers.LAYERS) for name in group}
    held |= dict.fromkeys(layers.ANYWHERE, "any")
    assert said == held


def test_the_table_is_the_tree():
    said = {name.split(".")[1] for _, modules_, _ in table("layer") for name in names(modules_)}
    there = {path.stem for path in CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert said == there - {"__init__", "__main__"}
    plugins = {name for cell, _ in table("plugin") for name in names(cell)}
    assert plugins == {path.name for path in (ROOT / "plugins").glob("*/src/*") if (path / "__init__.py").exists()}


def test_a_package_that_is_split_over_layers_has_each_module_in_the_table():
    said = {name for _, modules_, _ in table("layer") for name in names(modules_)}
    split = {name.rpartition(".")[0] for name in said} & said
    assert split, "no package is split any more"
    there = {name for name, _ in modules.modules() if name.rpartition(".")[0] in split}
    assert there <= said


def test_what_plugins_may_import_is_what_they_are_held_to():
    paragraph = TEXT.partition("\nPlugins import ")[2].partition("\n\n")[0]
    assert {*names(paragraph)} == {*layers.OPEN_TO_PLUGINS}


def test_the_plugin_guide_lists_what_plugins_may_import():
    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    rule = guide.partition("- **Import only** from ")[2].partition("; never another plugin")[0]
    assert {*names(rule)} == {*layers.OPEN_TO_PLUGINS}


def dotted():
    """Names in backticks that are modules of this project, or what they hold."""
    packages = {path.name for path in CORE.iterdir() if path.is_dir()}
    found = set()
    for name in re.findall(r"`([A-Za-z_][\w.]*\.[\w.]+)`", TEXT):
        first = name.split(".")[0]
        if first == "mdio" or first.startswith("mdio_"):
            found.add(name)
        elif first in packages:
            found.add(f"mdio.{name}")
    return sorted(found)


@pytest.mark.parametrize("name", dotted())
def test_names_exist(name):
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            assert hasattr(value, part), f"docs/architecture.md speaks of {name}"
            value = getattr(value, part)
        return
    pytest.fail(f"docs/architecture.md speaks of {name}")


def test_paths_exist():
    for path in re.findall(r"`((?:tests|docs|core|plugins)/[\w./-]+)`", TEXT):
        assert (ROOT / path).exists(), path


def test_every_module_says_why_it_exists():
    silent = [name for name, doc in modules.modules() if len(doc) < 20]
    assert not silent


def test_the_picture_is_the_one_that_is_made():
    assert (ROOT / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8") == pictures.architecture()


def test_a_wrong_table_is_seen(monkeypatch):
    for old, new in (("| 6 | `mdio.cli`", "| 5 | `mdio.cli`"), ("`mdio.sizes`", "`mdio.lengths`")):
        with monkeypatch.context() as patch:
            patch.setitem(globals(), "TEXT", TEXT.replace(old, new))
            with pytest.raises(AssertionError):
                test_the_table_has_the_layers_that_imports_are_held_to()


def test_no_page_is_left_out_of_the_site():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2].partition("\nexclude_docs")[0]
    listed = {*re.findall(r"([\w-]+\.md)$", nav, re.M)}
    written = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert listed == written | {"commands.md", "modules.md", "run-file-schema.md"}
