"""Imports point downwards only, inside functions too, and plugins keep to the public modules."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core" / "src" / "mdio"

# Lowest first: a module may import its own layer and those below it.
LAYERS = (
    ("mdio.exceptions",),
    ("mdio.plugins.contributions", "mdio.plugins.hookspecs", "mdio.plugins"),
    ("mdio.storage", "mdio.core", "mdio.sizes"),
    (
        "mdio.flow",
        "mdio.native",
        "mdio.plugins.builtin",
        "mdio.plugins.detection",
        "mdio.plugins.install",
        "mdio.plugins.manager",
        "mdio.plugins.registry",
        "mdio.validation",
    ),
    ("mdio.opening", "mdio.convert", "mdio.config", "mdio.overriding"),
    ("mdio.api", "mdio.converters"),
    ("mdio.cli",),
)
ANYWHERE = ("mdio.testing",)  # the published test kit may use every layer but the command line
ROOT_NAMES = {"mdio", "mdio.__main__"}  # lazy names and the version; loads nothing by itself
OPEN_TO_PLUGINS = (
    "mdio.cli.options",
    "mdio.cli.render",
    "mdio.cli.running",
    "mdio.convert",
    "mdio.core",
    "mdio.exceptions",
    "mdio.flow",
    "mdio.overriding",
    "mdio.plugins",
    "mdio.storage",
    "mdio.testing",
    "mdio.validation",
)


def layer(module):
    """The layer of the longest prefix that is listed."""
    best = max(
        ((len(name), number) for number, names in enumerate(LAYERS) for name in names if within(module, name)),
        default=None,
    )
    assert best is not None, f"{module} belongs to no layer; add it to LAYERS"
    return best[1]


def within(module, package):
    return module == package or module.startswith(package + ".")


def modules(source):
    """Yield (module, path) of all modules below a src folder."""
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path, module):
    """Yield (line, imported module) of a file, those in functions included, those for type checkers not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            for alias in node.names:
                # ``from mdio.core import volume`` imports mdio.core.volume when that is a module.
                name = f"{node.module}.{alias.name}"
                base = ROOT / "core" / "src" / Path(*name.split("."))
                found = base.with_suffix(".py").exists() or base.is_dir()
                yield node.lineno, name if found else node.module


CORE_MODULES = [item for item in modules(CORE.parent) if item[0] not in ROOT_NAMES]


@pytest.mark.parametrize(("module", "path"), CORE_MODULES, ids=[module for module, _ in CORE_MODULES])
def test_core_imports_point_downwards(module, path):
    wrong = []
    for line, name in imports(path, module):
        if not within(name, "mdio") or name in ROOT_NAMES:
            continue
        if within(module, "mdio.testing"):
            if within(name, "mdio.cli"):
                wrong.append(f"{path}:{line} imports {name}")
        elif within(name, "mdio.testing"):
            if not within(module, "mdio.cli"):
                wrong.append(f"{path}:{line} imports {name}")
        elif layer(name) > layer(module):
            wrong.append(f"{path}:{line} imports {name}")
    assert not wrong


PLUGIN_MODULES = [
    (plugin.name, module, path)
    for plugin in sorted((ROOT / "plugins").iterdir())
    if (plugin / "src").is_dir()
    for module, path in modules(plugin / "src")
]


@pytest.mark.parametrize(("plugin", "module", "path"), PLUGIN_MODULES, ids=[module for _, module, _ in PLUGIN_MODULES])
def test_plugins_import_public_modules_only(plugin, module, path):
    own = module.partition(".")[0]
    wrong = [
        f"{path}:{line} imports {name}"
        for line, name in imports(path, module)
        if (name.startswith("mdio_") and not within(name, own))
        or (within(name, "mdio") and name != "mdio" and not any(within(name, item) for item in OPEN_TO_PLUGINS))
    ]
    assert not wrong


def test_core_never_imports_a_plugin():
    wrong = [
        f"{path}:{line} imports {name}"
        for module, path in modules(CORE.parent)
        for line, name in imports(path, module)
        if name.startswith("mdio_")
    ]
    assert not wrong


def test_storage_and_core_know_no_registry():
    for module, path in CORE_MODULES:
        if within(module, "mdio.storage") or within(module, "mdio.core"):
            assert not [name for _, name in imports(path, module) if within(name, "mdio.plugins.registry")], module


def test_every_listed_layer_is_found_by_its_own_rule():
    assert layer("mdio.plugins.contributions") < layer("mdio.storage.local") < layer("mdio.plugins.registry")
    assert layer("mdio.flow.engine") < layer("mdio.convert") < layer("mdio.api.accessor") < layer("mdio.cli.app")


def test_imports_inside_functions_are_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def late():\n    from mdio.cli import app\n    import mdio.convert\n")
    assert [name for _, name in imports(path, "x")] == ["mdio.cli.app", "mdio.convert"]
