"""How the compiled loops come to be: without numba, without a place to keep them, and for those who never need them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
{before}
from mdio_vds.wavelet.runs import no_value_mask
import numpy as np
print(no_value_mask(np.frombuffer(bytes([1 | 1 << 1, 1]), np.uint8), (0, 2), (1, 3)).sum())
"""


def run(before="", **environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


def test_nothing_is_imported_before_the_first_wavelet_chunk():
    code = "import sys, mdio_vds, mdio_vds.channel, mdio_vds.wavelet.adaptive; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_without_numba_the_message_says_what_to_install():
    done = run("sys.modules['numba'] = None")
    assert "PluginNotInstalledError" in done.stderr
    assert "pip install 'mdio-vds[wavelet]'" in done.stderr


def test_compiling_is_announced_once_and_happens_once(tmp_path):
    pytest.importorskip("numba")
    first = run(NUMBA_CACHE_DIR=str(tmp_path))
    assert first.stdout.strip() == "3"
    assert first.stderr.count("mdio_vds.wavelet WARNING compiling wavelet code") == 1
    second = run(NUMBA_CACHE_DIR=str(tmp_path))
    assert (second.stdout.strip(), second.stderr) == ("3", "")


@pytest.mark.parametrize(
    "trouble",
    [
        "import numba.core.caching as c; c.CacheImpl._locator_classes = []",  # no directory can be written
        "import numba.core.caching as c; c.IndexDataCacheFile.save = lambda *_: open('/')",  # nor a file
    ],
)
def test_code_that_cannot_be_kept_works_all_the_same(tmp_path, trouble):
    pytest.importorskip("numba")
    done = run(trouble, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout.strip() == "3", done.stderr
    assert "is not kept" in done.stderr


def test_kept_code_that_is_damaged_is_made_anew(tmp_path):
    pytest.importorskip("numba")
    assert run(NUMBA_CACHE_DIR=str(tmp_path)).stdout.strip() == "3"
    for file in Path(tmp_path).rglob("*.nb*"):
        file.write_bytes(b"\x80damaged")
    done = run(NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout.strip() == "3", done.stderr
