"""The generated pages have everything they are made from, and the site builds without network and warnings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from doc_blocks import ROOT

sys.path.append(str(ROOT / "docs"))

from generate import commands, run_schema

from mdio.cli import main


def test_every_command_and_option_is_on_the_page(capsys):
    page = commands.page()
    paths = commands.paths()
    assert {"segy import", "vds copy", "config schema", "convert", "plugins check"} <= {*paths}
    for path in paths:
        section = re.search(rf"^##+ mdio {path}\n(.*?)(?=^##|\Z)", page, re.M | re.S)
        assert section, path
        assert main([*path.split(), "--help"]) == 0
        shown = capsys.readouterr().out
        for option in {*re.findall(r"(?<![\w-])--[a-z0-9][a-z0-9-]+", shown.partition("Options:")[2])} - {"--help"}:
            if re.search(rf"^  (?:-\w, )?(?:--[\w-]+(?:, | / ))*{option}\b", shown, re.M):
                assert f"`{option}`" in section[1], f"mdio {path} {option}"


def test_every_key_of_run_files_is_on_the_page(capsys):
    page = run_schema.page()
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    for name in ("Run", "Input", "Grid", "Output", "RunSettings"):
        section = re.search(rf"^## {name}\n(.*?)(?=^##|\Z)", page, re.M | re.S)[1]
        for key in schema["$defs"][name]["properties"]:
            assert f"| `{key}` |" in section
    assert "### writer mdio" in page and "| `layout` |" in page.partition("### writer mdio\n")[2]


def test_the_example_run_file_is_valid_by_the_schema(capsys):
    jsonschema = pytest.importorskip("jsonschema")
    import yaml

    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert main(["config", "init"]) == 0
    example = yaml.safe_load(capsys.readouterr().out)
    jsonschema.validate(example, schema)
    example["runs"][0]["output"]["chunk"] = [1]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example, schema)


def test_the_site_builds(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")]
    # Whatever would speak to the network meets a port where nobody listens.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    built = {path.name for path in (tmp_path / "site").glob("*.html")}
    assert {"index.html", "commands.html", "modules.html", "run-file-schema.html", "python.html", "scale.html"} <= built
    reference = (tmp_path / "site" / "python.html").read_text(encoding="utf-8")
    assert 'id="mdio_segy.api.segy_to_mdio"' in reference
    for page in (tmp_path / "site").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'src="(https?://[^"]+)"|<link[^>]*href="(https?://[^"]+)"', text)
        assert not fetched, f"{page.name} fetches {fetched}"
