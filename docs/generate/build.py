"""What mkdocs calls: puts the generated pages among the written ones."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

_DOCS = str(Path(__file__).resolve().parents[1])

PAGES = {"commands.md": "commands", "modules.md": "modules", "run-file-schema.md": "run_schema"}
"""Page and the module of this folder that makes it."""


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    import importlib

    from mkdocs.structure.files import File

    if _DOCS not in sys.path:
        sys.path.insert(0, _DOCS)
    for name, module in PAGES.items():
        content = importlib.import_module(f"generate.{module}").page()
        files.append(File.generated(config, name, content=content))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Take the roles of docstrings off: readers see the name they mark."""
    return re.sub(r":(?:class|func|meth|mod|data|attr|exc):(<code>)~?", r"\1", html)
