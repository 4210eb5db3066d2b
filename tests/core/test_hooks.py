"""Hooks are documented, and the examples in their docstrings are plugins that work."""

import inspect
import textwrap
import types
from dataclasses import fields
from pathlib import Path

import pluggy
import pytest

from mdio.plugins import KINDS, Contribution, hookspecs
from mdio.plugins.hookspecs import HOOKS
from mdio.plugins.manager import Host

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "plugins.md").read_text(encoding="utf-8")


def test_the_table_of_hooks_is_what_is_specified():
    manager = pluggy.PluginManager("mdio")
    manager.add_hookspecs(hookspecs)
    specified = {name for name, _ in inspect.getmembers(manager.hook) if name.startswith("mdio_")}
    assert specified == {*HOOKS}
    assert {*HOOKS.values()} == {*KINDS}


def test_hooks_are_shown_by_help_and_by_the_reference():
    assert {*HOOKS} <= {*hookspecs.__all__}
    assert "::: mdio.plugins.hookspecs\n" in (DOCS / "python-plugins.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_section_in_the_guide(name):
    _, found, rest = GUIDE.partition(f"\n### {name}\n")
    assert found, f"docs/plugins.md has no section {name}"
    section = rest.partition("\n### ")[0]
    kind = HOOKS[name]
    own = {field.name for field in fields(kind)} - {field.name for field in fields(Contribution)}
    for word in {kind.__name__, *own, *inspect.signature(getattr(hookspecs, name)).parameters}:
        assert word in section, f"docs/plugins.md, section {name}, does not mention {word}"


@pytest.mark.parametrize("name", HOOKS)
def test_the_docstring_is_a_line_an_example_a_result_and_a_moment(name):
    text = inspect.getdoc(getattr(hookspecs, name))
    assert text.splitlines()[0].endswith(".")
    assert "\nReturns\n" in text
    assert "Called once at start-up" in text


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_the_docstring_is_a_plugin(name):
    text = inspect.getdoc(getattr(hookspecs, name))
    example = textwrap.dedent(text.partition("::\n")[2].partition("\nReturns\n")[0])
    module = types.ModuleType(f"example_of_{name}")
    exec(compile(example, name, "exec"), module.__dict__)
    plugin = Host().register(module, "example")
    assert plugin.state == "ok", plugin.traceback
    assert [type(item) for item in plugin.contributions] == [HOOKS[name]]
    assert plugin.contributions[0].summary
