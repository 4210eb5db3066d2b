"""A word that was mistyped is answered with the near one: options, commands, header words, codecs, formats, names."""

from __future__ import annotations

import pytest
from doc_data import stack

from mdio.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("near")
    stack(found / "stack.sgy")
    assert main(["segy", "import", str(found / "stack.sgy"), str(found / "stack.mdio")]) == 0
    return found


IMPORT = "segy import stack.sgy new.mdio"


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("segi import", "segy"),
        ("segy imprt", "import"),
        (f"{IMPORT} --chunk-sze 4,4,4", "--chunk-size"),
        ("plot stack.mdio --inlin 200", "--inline"),
        (f"{IMPORT} --header-locations inlin,crossline", "inline"),
        ("segy header stack.sgy --fields crosline", "crossline"),
        (f"{IMPORT} --codec zpf", "zfp"),
        (f"{IMPORT} --codec blosc:prest=small", "preset"),
        (f"{IMPORT} --template postack3d", "poststack3d"),
        (f"{IMPORT} --grid-overrides " + '{"NonBined":true}', "NonBinned"),
        ("convert stack.sgy new.mdio --from sgy", "segy"),
        ("convert stack.sgy new.mdio --to mdoi", "mdio"),
        ("convert stack.sgy new.vsd", ".vds"),
        ("convert stack.sgy new.mdio -o chnks=4,4,4", "chunks"),
        ("convert stack.sgy new.mdio -i endan=big", "endian"),
        ("segy export stack.mdio new.sgy --segy-format iee32", "ieee32"),
        ("segy export stack.mdio new.sgy --select inlne=200", "inline"),
        ("plugins show sgey", "segy"),
        ("plugins list --kind codc", "codec"),
        ("vds import stack.sgy new.vds --primary-key InlneNumber", "InlineNumber"),
        ("vds import stack.sgy new.vds --compression-method Zp", "Zip"),
    ],
)
def test_the_near_one_is_named(line, near, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(line.split()) != 0
    said = capsys.readouterr().err
    assert near in said.partition("did you mean")[2] or near in said.partition("names near it:")[2], said
    assert {path.name for path in folder.iterdir()} == {"stack.sgy", "stack.mdio"}
