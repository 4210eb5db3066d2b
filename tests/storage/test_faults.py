"""Stores that fail a twentieth and a third of all requests: the right bytes, or an error with a name, in time."""

from __future__ import annotations

import pytest
from fault_cases import TARGETS, source, turn
from faulty_store import KINDS

from mdio.exceptions import StorageError

pytestmark = pytest.mark.usefixtures("clean", "hasty")
STEPS = ("import", "read", "verify", "export")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "x.sgy"
    return path, source(path)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rate", [0.05, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(survey, target, kind, rate):
    outcome = turn(*survey, target, kind, rate, seed=11)
    assert outcome.error is None
    assert outcome.done == STEPS
    assert outcome.injected > 0


@pytest.mark.parametrize("target", ["v0", "vds objects"])
@pytest.mark.parametrize("kind", [*KINDS, "denied"])
def test_a_store_that_fails_for_good(survey, target, kind, monkeypatch):
    monkeypatch.setenv("MDIO_STORE_DEADLINE", "0.1")
    outcome = turn(*survey, target, kind, 1.0)
    assert isinstance(outcome.error, StorageError)
    assert "faulty://b/" in str(outcome.error)
    assert outcome.seconds < 10


@pytest.mark.parametrize("target", TARGETS)
def test_bodies_cut_in_silence(survey, target, monkeypatch):
    """Clients compare the length of a whole body with the announced one; where one does not, checks notice."""
    outcome = turn(*survey, target, "truncation", 0.05, seed=5, silent=True)
    assert outcome.error is not None or set(outcome.done) <= set(STEPS)  # what came back was compared
    assert outcome.injected > 0


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("room", [0, 40_000, 90_000])
def test_a_store_that_is_full(survey, target, room):
    outcome = turn(*survey, target, "503", 0.0, room=room)
    assert "No space left" in str(outcome.error)
    assert "faulty://b/" in str(outcome.error)
    assert outcome.error.exit_code == 5
    assert "export" not in outcome.done
