"""What ``mdio plugins check`` looks at: whether everything a plugin names is there and of the right kind."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mdio.plugins.contributions import (
    Check,
    Codec,
    Command,
    Contribution,
    GridOverride,
    Observer,
    Reader,
    StorageBackend,
    Template,
    Writer,
)
from mdio.plugins.manager import OK, Plugin

__all__ = ["Finding", "check"]

_HEAVY = ("numpy", "zarr", "numcodecs", "pydantic", "fsspec", "pandas", "xarray", "dask")

_ARGUMENTS: dict[type[Contribution], tuple[str, ...]] = {
    Reader: ("url", "options", "storage"),
    Writer: ("url", "like", "options", "storage", "creation"),
    GridOverride: ("table", "params"),
    StorageBackend: ("url", "options"),
    Check: ("volume",),
    Observer: ("event",),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``problem`` is empty when all is well, ``note`` says why it was not tried."""

    what: str
    problem: str = ""
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem

    @property
    def result(self) -> str:
        """One or two words for listings."""
        return "failed" if self.problem else "not tried" if self.note else "ok"


def check(plugin: Plugin) -> list[Finding]:
    """Return what was found; a plugin that did not load has one finding."""
    if plugin.state != OK:
        return [Finding("loads", f"{plugin.state}: {plugin.problem}")]
    findings = [Finding("loads"), Finding("starts lightly", _start(plugin))]
    for item in plugin.contributions:
        findings += _contribution(item)
    return findings


def _contribution(item: Contribution) -> Iterator[Finding]:
    what = f"{item.kind} {item.name}"
    if isinstance(item, Template):
        yield Finding(what, _template(item))
        return
    yield Finding(what, _attempt(lambda: _target(item)))
    if item.options:
        yield Finding(f"{what}: options", _attempt(lambda: _model(item)))
    if isinstance(item, Reader) and item.sniff:
        sniff = replace(item, target=item.sniff)
        yield Finding(f"{what}: sniff", _attempt(lambda: _takes(sniff.load(), ("url", "head", "storage"))))
    if isinstance(item, Writer) and item.prepare:
        prepare = replace(item, target=item.prepare)
        yield Finding(f"{what}: prepare", _attempt(lambda: _takes(prepare.load(), ("volume", "options"))))


def _attempt(look: Callable[[], str]) -> str:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises is the finding
        return " ".join(str(error).split()) or type(error).__name__


def _target(item: Contribution) -> str:
    target = item.load()
    if isinstance(item, Command):
        import typer

        return "" if isinstance(target, typer.Typer) else f"is {type(target).__name__}, expected a typer.Typer"
    if isinstance(item, Codec):
        return "" if callable(target) else "is not callable"
    return _takes(target, _ARGUMENTS[type(item)])


def _takes(target: Any, arguments: tuple[str, ...]) -> str:
    if not callable(target):
        return f"is {type(target).__name__}, expected a function of ({', '.join(arguments)})"
    try:
        inspect.signature(target).bind(*arguments)
    except TypeError:
        return f"does not take the arguments ({', '.join(arguments)})"
    except ValueError:  # compiled functions may not tell their signature
        return ""
    return ""


def _model(item: Contribution) -> str:
    from pydantic import BaseModel

    model = item.options_model()
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return f"{item.options!r} is not a pydantic model"
    model.model_json_schema()
    return ""


def _template(item: Template) -> str:
    if len(item.dims) < 2:
        return "needs at least one dimension besides the samples"
    if len(item.chunks) != len(item.dims):
        return f"{len(item.dims)} dimensions but {len(item.chunks)} chunk lengths"
    strangers = sorted({*item.keys, *item.units} - {*item.dims})
    return f"keys or units of no dimension: {', '.join(strangers)}" if strangers else ""


def _start(plugin: Plugin) -> str:
    """Import the entry point module in a process of its own and see what it pulled in."""
    module = plugin.module.partition(":")[0]
    code = f"import sys, importlib; importlib.import_module({module!r}); print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own interpreter and a module that is loaded already
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return ""  # registered in process, or importable here only: nothing to hold against it
    heavy = [name for name in _HEAVY if name in done.stdout.split()]
    return f"importing {module} imports {', '.join(heavy)}; import them where they are used" if heavy else ""
