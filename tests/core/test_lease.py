"""A worker writes while the run that sent it goes on, and not a moment longer."""

import json

import pytest

from mdio.flow import lease
from mdio.flow.lease import Lease, LeaseCheck, LeaseLostError
from mdio.storage.local import LocalStore


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "x.mdio")


def held(tmp_path):
    return tmp_path / ".x.mdio.lease"


def test_a_run_that_goes_on(store, tmp_path, clock, monkeypatch):
    monkeypatch.setattr(lease, "EVERY", 3600)
    run = Lease(store, "mine")
    check = LeaseCheck(store, "mine")
    try:
        check.require()
        clock[0] += lease.LIMIT - 1
        check.require()
        beat = json.loads(held(tmp_path).read_text())["beat"]
        held(tmp_path).write_text(json.dumps({"token": "mine", "beat": beat + 1}))
        clock[0] += lease.LIMIT - 1
        check.require()  # it was heard of in between
        clock[0] += lease.LIMIT + 1
        with pytest.raises(LeaseLostError, match=r"nobody has driven this run for \d+ s"):
            check.require()
    finally:
        run.end()
        run.end()
    with pytest.raises(LeaseLostError, match="is not there") as caught:
        check.require()
    assert "shared file system" in caught.value.hint


@pytest.mark.parametrize("text", ['{"token": "other", "beat": 1}', "", "[]", '{"token": "mine", "beat": "x"}', "null"])
def test_what_is_not_ours_stops_the_worker(store, tmp_path, monkeypatch, text):
    monkeypatch.setattr(lease, "EVERY", 3600)
    run = Lease(store, "mine")
    try:
        held(tmp_path).write_text(text)
        with pytest.raises(LeaseLostError, match="another run writes this target now"):
            LeaseCheck(store, "mine").require()
    finally:
        run.end()


def test_a_lease_is_renewed(store, tmp_path, monkeypatch):
    import time

    monkeypatch.setattr(lease, "EVERY", 0.005)
    run = Lease(store, "mine")
    try:
        until = time.monotonic() + 10
        while json.loads(held(tmp_path).read_text())["beat"] < 3:
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        run.end()
