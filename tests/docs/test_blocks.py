"""Every code block of the documentation and of the README runs as it stands there."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest
from doc_blocks import ROOT, PageRunner, blocks_of, loose_fences
from doc_data import provide
from servers import s3_server

PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
PAGES["CONTRIBUTING.md"] = ROOT / "CONTRIBUTING.md"

# .ci/run carries these out in new environments, and insists that the README has them to the letter.
INSTALLS = (
    "pip install -e core -e plugins/segy -e plugins/vds -e plugins/compression && mdio demo",
    'pip install -e "core[testing]" -e plugins/segy -e plugins/vds -e plugins/compression && pytest',
)


@pytest.fixture
def page_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()  # now: an import that looks into a missing folder keeps it as one without modules
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "src"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.setenv("COLUMNS", "120")
    yield tmp_path
    _forget(tmp_path)


@pytest.fixture
def object_store(monkeypatch):
    """An S3 server on loopback, found by the environment as a real one is, with the bucket that pages write to."""
    pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    with s3_server() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("surveys")
        yield
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of the event loop of s3fs
@pytest.mark.parametrize("page", PAGES)
def test_blocks(page, page_folder, request):
    text = PAGES[page].read_text(encoding="utf-8")
    blocks = blocks_of(text)
    assert loose_fences(text) == 2 * len(blocks), "a fence is not closed, or closed at another depth"
    if "s3://surveys" in "".join(block.body for block in blocks):
        request.getfixturevalue("object_store")
    provide(text, page_folder)
    runner = PageRunner(page_folder)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)  # as users see them
        for block in blocks:
            if not _excuse(block):
                runner.run(block)


def _excuse(block):
    if block.body.strip() in INSTALLS:
        return "run by .ci/run in an environment of its own"
    return block.excuse


LEFT_OUT = {
    f"{page}, {block.where}": _excuse(block)
    for page, path in PAGES.items()
    for block in blocks_of(path.read_text(encoding="utf-8"))
    if _excuse(block)
}


@pytest.mark.parametrize("where", LEFT_OUT)
def test_left_out(where):
    """Shown in pytest's summary, so that nobody takes these for tested."""
    pytest.skip(f"{where}: {LEFT_OUT[where]}")


def _forget(folder: Path) -> None:
    """Drop modules and objects in memory that a page made, so that the next page does not find them."""
    import fsspec

    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]
    memory = fsspec.filesystem("memory")
    if memory.exists("/scratch"):
        memory.rm("/scratch", recursive=True)


def test_install_commands_are_those_that_ci_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = {block.body.strip() for block in blocks_of(text)}
    assert {*INSTALLS} <= found


def test_a_block_that_fails_is_seen(page_folder):
    runner = PageRunner(page_folder)
    for text in (
        "```bash\nmdio info nothing.mdio\n```",
        "```bash\nfalse\n```",
        '```bash\nmdio --version\n```\n```text title="prints"\nno such line\n```',
        "```\nno language\n```",
    ):
        with pytest.raises(AssertionError):
            for block in blocks_of(text):
                runner.run(block)
    with pytest.raises(ZeroDivisionError):
        runner.run(blocks_of("```python\n1 / 0\n```")[0])
