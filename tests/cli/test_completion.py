"""The tab key: what the shells' scripts get back, in a process of its own as they start it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mdio.cli.completion import completed_command


def complete(shell, line, **more):
    words = line.split(" ")
    environment = {**os.environ, "_MDIO_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, **more}
    if shell == "bash":
        environment |= {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from mdio.cli import main; sys.exit(main([]))"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mdio se", {"segy"}),
        ("mdio segy im", {"import"}),
        ("mdio segy import --header-", {"--header-locations", "--header-names", "--header-types"}),
        ("mdio -v config va", {"validate"}),
    ],
)
def test_bash(line, words):
    assert words <= {*complete("bash", line)}


def test_fish():
    assert "--from" in complete("fish", "mdio convert --fr", _TYPER_COMPLETE_FISH_ACTION="get-args")


def test_only_the_command_on_the_line_is_loaded():
    commands = {"segy", "convert"}
    asked = {"_MDIO_COMPLETE": "complete_bash"}
    assert completed_command(commands, {"COMP_WORDS": "mdio segy im"}) == []  # not a shell that asks
    assert completed_command(commands, asked | {"COMP_WORDS": "mdio segy im"}) == ["segy"]
    assert completed_command(commands, asked | {"COMP_WORDS": "mdio seg"}) == []
    assert completed_command(commands, asked | {"COMP_WORDS": "mdio"}) == []
    assert completed_command(commands, asked | {"_TYPER_COMPLETE_ARGS": "mdio --log json convert 'a b"}) == ["convert"]


def test_help_says_how(capsys):
    from mdio.cli import main

    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert "--install-completion" in said
    assert "--show-completion" in said
