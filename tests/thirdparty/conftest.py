"""Puts the example distributions on the path, as installing them would, for this process and those it starts."""

import os
import sys
from pathlib import Path

import pytest

SOURCES = [str(path) for path in sorted(Path(__file__).parent.glob("mdio-*/src"))]
sys.path += SOURCES


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*SOURCES, os.environ.get("PYTHONPATH", "")]))
