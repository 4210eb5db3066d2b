"""Every module with the first line of its docstring: the map that the architecture's table is too small for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["modules", "page"]

ROOT = Path(__file__).resolve().parents[2]


def modules() -> Iterator[tuple[str, str]]:
    """Yield name and first line of the docstring of every module in the tree; empty where there is none."""
    for source in (ROOT / "core" / "src", *sorted((ROOT / "plugins").glob("*/src"))):
        for path in sorted(source.rglob("*.py")):
            parts = path.relative_to(source).with_suffix("").parts
            text = path.read_text(encoding="utf-8")
            if parts[-1] == "__init__" and not text.strip():
                continue
            doc = ast.get_docstring(ast.parse(text)) or ""
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), " ".join(doc.partition("\n\n")[0].split())


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Modules",
        "",
        "Made from the docstrings of the tree. [Architecture](architecture.md) says how they hang together.",
        "",
    ]
    package = ""
    for name, doc in modules():
        parts = name.split(".")
        here = ".".join(parts[:2]) if parts[0] == "mdio" and len(parts) > 2 else parts[0]
        if here != package:
            package = here
            lines += ["", f"## {package}", "", "| module | |", "|---|---|"]
        doc = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", doc).replace("|", "\\|")
        lines.append(f"| `{name}` | {doc} |")
    return "\n".join(lines) + "\n"
