"""Takes the code blocks out of a page and runs them as its reader would: in order, in one folder.

* ``bash`` and ``python`` blocks run; python blocks of a page share their names, bash blocks the folder.
* A block with ``title="path"`` is a file: it is written. ``--8<-- "path"`` in it stands for a file of the tree.
* ``text`` with ``title="prints"`` tells what the block before it prints; ``…`` stands for anything.
* ``json``, ``yaml`` and ``toml`` without a title are parsed.
* ``*Not run by the tests: reason.*`` in the line above a block is the only way out, and readers see it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<lang>\w+)?(?P<rest>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ \t]*$", re.M | re.S
)
_EXCUSE = re.compile(r"\*Not run by the tests: ((?:(?!\n\n).)+?)\*\s*\Z", re.S)
_SNIPPET = re.compile(r'^--8<-- "([^"]+)"$', re.M)


@dataclass(frozen=True)
class Block:
    line: int
    lang: str
    title: str
    body: str
    excuse: str

    @property
    def where(self) -> str:
        return f"line {self.line} ({self.lang or 'no language'})"


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a page in order, snippets put in."""
    found = []
    for match in _FENCE.finditer(text):
        excuse = _EXCUSE.search(text[: match.start()].rstrip())
        title = re.search(r'title="([^"]*)"', match["rest"])
        body = textwrap.dedent(match["body"])
        body = _SNIPPET.sub(lambda snippet: (ROOT / snippet[1]).read_text(encoding="utf-8").rstrip("\n"), body)
        found.append(
            Block(
                line=text.count("\n", 0, match.start()) + 1,
                lang=match["lang"] or "",
                title=title[1] if title else "",
                body=body,
                excuse=" ".join(excuse[1].split()) if excuse else "",
            )
        )
    return found


def loose_fences(text: str) -> int:
    """Count lines that open or close a block; an odd number, or more than blocks explain, is a mistake of the page."""
    return len(re.findall(r"^ *```", text, re.M))


class PageRunner:
    """Runs the blocks of one page in a folder that is the current one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "__page__"}
        self.printed = ""
        self.ran = 0

    def run(self, block: Block) -> None:
        if block.title == "prints":
            self._compare(block)
        elif block.title:
            if block.lang == "python":
                compile(block.body, block.title, "exec")
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.lang == "python":
            self._python(block)
        elif block.lang == "bash":
            self._bash(block)
        elif block.lang == "json":
            json.loads(block.body)
        elif block.lang == "yaml":
            yaml.safe_load(block.body)
        elif block.lang == "toml":
            tomllib.loads(block.body)
        elif block.lang != "text":
            raise AssertionError(f"{block.where}: neither run nor checked; give it a language or a title")
        self.ran += 1

    def _python(self, block: Block) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            # Names of the page's line, so that a traceback leads there.
            exec(compile("\n" * block.line + block.body, "page", "exec", dont_inherit=True), self.names)
        self.printed = out.getvalue()

    def _bash(self, block: Block) -> None:
        self.printed = ""
        for line in _commands(block.body):
            words = shlex.split(line, comments=True)
            wanted = re.search(r"# exit code (\d+)", line)
            code, out = _ours(words) if _is_ours(line, words) else _shell(line)
            self.printed += out
            expected = int(wanted[1]) if wanted else 0
            assert code == expected, f"{block.where}: {line}\nexit code {code}, expected {expected}\n{out}"

    def _compare(self, block: Block) -> None:
        rest = [_squeezed(line) for line in self.printed.splitlines()]
        for line in filter(None, map(_squeezed, block.body.splitlines())):
            if line == "…":
                continue
            pattern = re.compile(".*?".join(re.escape(part) for part in line.split("…")))
            at = next((number for number, said in enumerate(rest) if pattern.fullmatch(said)), None)
            assert at is not None, f"{block.where}: is not printed (any more): {line}\nprinted:\n{self.printed}"
            del rest[: at + 1]


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _commands(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _is_ours(line: str, words: list[str]) -> bool:
    """Whether a line is one call of mdio that needs no shell; a third of a second is saved for each."""
    if not words or words[0] != "mdio":
        return False
    bare = re.sub(r"'[^']*'|#.*", "", line)
    return not re.search(r"[|;&$`*?~]", bare) and all(word != ">" for word in words[:-2])


def _ours(words: list[str]) -> tuple[int, str]:
    from mdio.cli import main

    target = words[-1] if len(words) > 2 and words[-2] == ">" else ""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words[1 : -2 if target else None])
    if target:
        Path(target).write_text(out.getvalue(), encoding="utf-8")
        return code, err.getvalue()
    return code, out.getvalue() + err.getvalue()


def _shell(line: str) -> tuple[int, str]:
    if line.startswith("cd "):
        os.chdir(shlex.split(line)[1])
        return 0, ""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", line],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout
