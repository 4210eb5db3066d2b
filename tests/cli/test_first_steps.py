"""What somebody meets who has not read the manual: commands half remembered, arguments left out, keys guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from doc_data import stack

import mdio
from mdio.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("first")
    stack(found / "stack.sgy")
    assert main(["segy", "import", str(found / "stack.sgy"), str(found / "stack.mdio"), "--quiet"]) == 0
    return found


@pytest.fixture(autouse=True)
def _there(folder, monkeypatch):
    monkeypatch.chdir(folder)


class TestCommands:
    def test_a_command_of_a_group_is_found_without_the_group(self, capsys):
        assert main(["import", "stack.sgy", "new.mdio"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: no command 'import'\nhint: did you mean ")
        assert "mdio segy import" in said and "mdio vds import" in said

    def test_near_ones_come_first(self, capsys):
        assert main(["imfo", "stack.mdio"]) == 2
        assert capsys.readouterr().err.splitlines()[1] == "hint: did you mean info?"

    def test_all_arguments_are_named_when_one_is_missing(self, capsys):
        # The parser takes the only file for the last argument and misses the first.
        assert main(["segy", "import", "stack.sgy"]) == 2
        assert capsys.readouterr().err.splitlines() == [
            "error: an argument is missing",
            "hint: mdio segy import [OPTIONS] SEGY... MDIO; see mdio segy import --help",
        ]

    def test_a_single_argument_that_is_missing_is_named(self, capsys):
        assert main(["info"]) == 2
        assert capsys.readouterr().err.splitlines() == ["error: Missing argument 'URL'", "hint: see mdio info --help"]

    @pytest.mark.parametrize("group", ["", "segy", "vds", "plugins"])
    def test_no_summary_is_cut(self, group, capsys):
        main([*group.split(), "--help"])
        commands = capsys.readouterr().out.partition("Commands:")[2]
        assert commands
        assert [line for line in commands.splitlines() if line.endswith("...")] == []


class TestPlot:
    @pytest.mark.parametrize("name", ["--slice", "--time", "--depth", "--sample"])
    def test_a_slice_by_any_name(self, name, capsys):
        assert main(["plot", "stack.mdio", name, "40"]) == 0
        assert "40 ms" in capsys.readouterr().out

    def test_at_shows_its_form(self, capsys):
        assert main(["plot", "stack.mdio", "--at", "200"]) == 2
        assert capsys.readouterr().err.splitlines() == [
            "error: '200' is not of the form key=value",
            "hint: write it like --at offset=1200",
        ]


class TestKeys:
    def test_the_scan_is_named_when_keys_do_not_index(self, capsys):
        assert main(["segy", "import", "stack.sgy", "new.mdio", "--header-locations", "9,13"]) == 4
        said = capsys.readouterr().err
        assert "only one cell of the grid 1 × 1 is taken" in said
        assert "hint: mdio segy scan stack.sgy shows the words that may index it" in said

    def test_sparse_grids_name_it_too(self, tmp_path, capsys):
        cube = np.ones((40, 40, 8), np.float32)
        file = tmp_path / "cube.sgy"
        mdio.from_numpy(cube, file, headers={1: np.arange(1600).reshape(40, 40) + 1})
        assert main(["segy", "import", str(file), str(tmp_path / "new.mdio"), "--header-locations", "1,193"]) == 4
        assert f"mdio segy scan {file} shows the words that may index it" in capsys.readouterr().err

    def test_a_word_that_begins_a_byte_late_is_told(self, capsys):
        # The value of the word before, times 256.
        assert main(["segy", "import", "stack.sgy", "late.mdio", "--header-locations", "190,193"]) == 0
        said = capsys.readouterr().err
        assert "every dim_0 at byte 190 is a multiple of 256: its word may begin at byte 189" in said

    def test_nothing_is_told_of_words_that_begin_where_words_begin(self, tmp_path, capsys):
        cube = np.ones((3, 4, 8), np.float32)
        file = tmp_path / "cube.sgy"
        mdio.from_numpy(cube, file, coords={"inline": [256, 512, 768]})
        capsys.readouterr()
        assert main(["segy", "import", str(file), str(tmp_path / "a.mdio"), "--header-locations", "189,193"]) == 0
        assert "multiple of 256" not in capsys.readouterr().err

    def test_names_that_were_not_given_are_told(self, capsys):
        assert main(["segy", "import", "stack.sgy", "plain.mdio", "--header-locations", "189,193"]) == 0
        said = capsys.readouterr().err.splitlines()[-1]
        assert said == (
            "plain.mdio: dim_0 110 × dim_1 24 × sample 64; --header-names calls dim_0, dim_1 by better names"
        )
        assert main(["segy", "import", "stack.sgy", "named.mdio", "--header-locations", "inline,crossline"]) == 0
        assert "dim_0" not in capsys.readouterr().err


class TestOptions:
    def test_options_of_a_codec_are_told_where_they_go(self, capsys):
        assert main(["convert", "stack.sgy", "c.mdio", "-o", "codec.tolerance=0.1"]) == 2
        assert capsys.readouterr().err.splitlines() == [
            "error: output.codec.tolerance: no such option",
            "hint: what belongs to codec goes into its value: codec=NAME:tolerance=… or codec={JSON}",
        ]

    @pytest.mark.parametrize("value", ["zfp:tolerance=0.1", '{"name": "zfp", "tolerance": 0.1}'])
    def test_both_ways_work(self, value, tmp_path):
        assert main(["convert", "stack.sgy", str(tmp_path / "c.mdio"), "-o", f"codec={value}", "--quiet"]) == 0


class TestDamage:
    def test_a_dataset_where_a_file_is_expected(self, capsys):
        assert main(["segy", "scan", "stack.mdio"]) == 5
        assert capsys.readouterr().err.splitlines() == [
            "error: stack.mdio: a directory",
            "hint: give the path of a file, or see mdio info stack.mdio",
        ]


class TestImport:
    def test_what_was_made_is_told(self, capsys):
        assert main(["segy", "import", "stack.sgy", "told.mdio"]) == 0
        said = capsys.readouterr().err.splitlines()
        grid = "inline 110 × crossline 24 × sample 64"
        assert said[-1] == f"told.mdio: {grid}; found inline at byte 189, crossline at byte 193"

    def test_keys_that_were_given_are_not_said_to_be_found(self, capsys):
        keys = ["--header-locations", "189,193", "--header-names", "inline,crossline"]
        assert main(["segy", "import", "stack.sgy", "given.mdio", *keys]) == 0
        assert "found" not in capsys.readouterr().err

    def test_quiet_says_nothing(self, capsys):
        assert main(["segy", "import", "stack.sgy", "quiet.mdio", "--quiet"]) == 0
        assert capsys.readouterr() == ("", "")

    def test_the_plan_reads_well(self, capsys):
        assert main(["segy", "import", "stack.sgy", "plan.mdio", "--dry-run"]) == 0
        said = capsys.readouterr().out
        assert "slab_bytes" not in said and "536870912" not in said
        assert "memory budget  536.9 MB" in said
        assert not Path("plan.mdio").exists()


class TestInfo:
    def test_the_source_is_named_and_its_samples_apart(self, capsys):
        capsys.readouterr()
        assert main(["info", "stack.mdio"]) == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        at = rows.index(["Source"])
        assert ["format", "segy"] in rows[at:]
        assert ["sample", "format", "1"] in rows[at:]
        assert any(row[:3] == ["MDIO", "layout", "v0"] for row in rows)
