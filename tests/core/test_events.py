"""Progress goes to standard error: tenths, JSON lines, or a bar on a terminal."""

from __future__ import annotations

import io
import json
import sys

import pytest

from mdio.flow.engine import run
from mdio.flow.events import RunStarted, SlabDone, Warned
from mdio.flow.progress import progress_observer
from mdio.testing import synthetic
from mdio.testing.memory import MemoryTarget


def convert(*observers):
    source = synthetic.volume((20, 30, 50))
    run(source, MemoryTarget().create(source, chunks=(4, 4, 16)), workers=1, memory=10_000, observers=observers)


def test_a_line_for_each_tenth(capsys):
    convert(progress_observer())
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].endswith("slabs, 0.1 MB")
    assert [line.split(" %")[0] for line in lines[1:]] == [str(10 * k) for k in range(1, 11)]


def test_json_lines(capsys):
    convert(progress_observer(log="json"))
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert events[0]["event"] == "RunStarted"
    assert events[1]["event"] == "SlabDone"
    assert events[1]["region"] == [[0, 4], [0, 4], [0, 50]]
    assert events[-1]["report"]["statistics"]["trace_count"] == 600


@pytest.mark.parametrize("log", ["text", "json"])
def test_quiet_still_warns(capsys, log):
    observe = progress_observer(quiet=True, log=log)
    convert(observe)
    assert capsys.readouterr().err == ""
    observe(Warned("chunks too large"))
    assert "chunks too large" in capsys.readouterr().err


def test_a_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    observe = progress_observer()
    convert(observe, lambda event: observe(Warned("[odd] text")) if isinstance(event, RunStarted) else None)
    shown = screen.getvalue()
    assert "100%" in shown
    assert "MB/s" in shown or "kB/s" in shown or "bytes/s" in shown
    assert "warning: [odd] text" in shown
    observe(Warned("late"))
    assert "warning: late" in screen.getvalue()


def test_resumed_bytes_are_no_speed(capsys):
    observe = progress_observer()
    observe(RunStarted({}, 1, 10**9))
    observe(SlabDone(None, 5 * 10**8, 1, True, 1, 2, 5 * 10**8, 10**9, 1))
    assert "50 %, 0 MB/s" in capsys.readouterr().err
