"""Whoever reads our output may go away, and whoever started us may have closed it."""

import errno
import os
import subprocess
import sys

import pytest

from mdio.cli import main


def start(arguments, **streams):
    return subprocess.run([sys.executable, "-m", "mdio", *arguments], timeout=60, check=False, **streams)


@pytest.mark.parametrize("arguments", [["config", "schema"], ["--version"]], ids=["long", "short"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_nothing_is_said_when_the_reader_of_the_output_is_gone(arguments, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = start(arguments, stdout=writing, stderr=subprocess.PIPE, env=environment)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_errors_that_nobody_hears_keep_their_code():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = start(["info", "/nowhere.mdio"], stdout=subprocess.PIPE, stderr=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stdout) == (5, b"")


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_errors_keep_their_code_where_standard_error_is_closed(verbose, monkeypatch):
    class Closed:
        def write(self, text):
            raise ValueError("I/O operation on closed file")

        flush = write

    monkeypatch.setattr(sys, "stderr", Closed())
    assert main([*verbose, "info", "/nowhere.mdio"]) == 5


def test_a_pipe_that_is_not_our_output_breaks_aloud(monkeypatch, capsys):
    from mdio.cli import render

    def broken(value):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(render, "output_json", broken)
    assert main(["config", "schema"]) == 5
    assert capsys.readouterr().err == "error: Broken pipe\n"


def test_a_group_without_a_command_shows_what_there_is(capsys):
    code = main(["segy"])
    out, err = capsys.readouterr()
    assert code in (0, 2)
    assert "import" in out + err
    assert "error:" not in err
