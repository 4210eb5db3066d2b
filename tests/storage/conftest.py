"""Stores that forget, and pauses too short to wait for."""

from __future__ import annotations

import faulty_store
import pytest

from mdio.storage import access


@pytest.fixture
def clean():
    """Memory without objects, before and after."""
    faulty_store.clear()
    yield
    faulty_store.clear()


@pytest.fixture
def hasty(monkeypatch):
    """Pauses of milliseconds."""
    monkeypatch.setattr(access, "_FIRST_PAUSE", 0.0005)
    monkeypatch.setattr(access, "_LONGEST_PAUSE", 0.01)
