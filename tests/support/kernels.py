"""Runs a module's tests with the compiled loops and without: ``pytestmark = both_ways(module, name)``."""

import shutil

import pytest

WAYS = ("compiled", "python")


def use(way, monkeypatch, module, name):
    """Have a ``kernel`` module offer what it has compiled, or nothing."""
    loaded = getattr(module, name)()
    if way == "python":
        monkeypatch.setattr(module, name, lambda: None)
    elif loaded is None:
        assert shutil.which("cc") is None, "there is a compiler, but nothing was compiled"
        pytest.skip("no C compiler was there at installation")
