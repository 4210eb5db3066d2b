"""Releases of other packages in environments of their own: where they are, and how a script runs in one.

The path of a release's Python stands in a variable, e.g. ``MDIO_PEER_MULTIDIMIO_0_9_3``. What is not there is skipped.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path

import pytest


def variable(release, package="multidimio"):
    """Return the name of the variable that holds the path of a release's Python."""
    return f"MDIO_PEER_{package}_{release}".upper().replace(".", "_")


def releases(*names):
    """Return the parameters of a fixture: a test for each release that is given, skipped where it is not."""
    return [
        pytest.param(
            name,
            marks=[
                pytest.mark.interop,
                pytest.mark.skipif(not os.environ.get(variable(name)), reason=f"{variable(name)} is not set"),
            ],
        )
        for name in names
    ]


class Peer:
    """A release, asked through a script that takes a command and JSON arguments.

    Parameters
    ----------
    release
        Its version.
    script
        Runs in its Python.
    """

    def __init__(self, release: str, script: Path) -> None:
        self.release = release
        self.python = os.environ[variable(release)]
        self._script = script

    def __call__(self, command, **arguments):
        """Run a command of the script; what it writes to standard error is the message when it fails."""
        done = self._run([self._script, command, json.dumps(arguments, default=str)])
        assert done.returncode == 0, f"multidimio {self.release}, {command}:\n{done.stderr[-3000:]}"

    @functools.cache  # noqa: B019 - as many as there are peers
    def _has(self, module):
        return self._run(["-c", f"import {module}"]).returncode == 0

    def needs(self, module):
        """Skip a test where the release's environment lacks a package that it needs for this."""
        if not self._has(module):
            pytest.skip(f"no {module} in the environment of {variable(self.release)}")

    def _run(self, arguments):
        environment = {**os.environ, "MDIO__IMPORT__CPU_COUNT": "2", "MDIO__EXPORT__CPU_COUNT": "2"}
        environment["MDIO__IMPORT__SAVE_SEGY_FILE_HEADER"] = "1"  # 1.x keeps text and binary header when told so
        environment.pop("PYTHONPATH", None)  # it might put our own package before the peer's of the same name
        return subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, timeout=300, env=environment, check=False
        )
