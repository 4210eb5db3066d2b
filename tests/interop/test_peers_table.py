"""The table of releases and checks: what counts as a difference, what is skipped, and the exit code."""

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import pytest

@pytest.fixture(params=[
    pytest.param(name, marks=pytest.mark.skipif(False, reason=f"MDIO_PEER_{name} is not set")) for name in ("A", "B")
])
def peer(request):
    return request.param

@pytest.fixture
def broken():
    raise RuntimeError("no dataset")

@pytest.mark.interop
def test_equal(peer):
    pass

@pytest.mark.interop
@pytest.mark.parametrize("size", [1, 2])
def test_sizes(peer, size):
    assert (peer, size) != ("B", 2), "two differ"

@pytest.mark.interop
def test_needs(peer):
    if peer == "A":
        pytest.skip("no zfpy")

@pytest.mark.interop
def test_setup(peer, request):
    if peer == "B":
        request.getfixturevalue("broken")

@pytest.mark.interop
@pytest.mark.skipif(True, reason="MDIO_PEER_C is not set")
def test_other():
    pass
"""


@pytest.fixture
def peers_table(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import peers_table

    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = interop\naddopts = --import-mode=importlib\n")
    (tmp_path / "test_pairs.py").write_text(TESTS)
    monkeypatch.setattr(peers_table, "ROOT", tmp_path)
    monkeypatch.setattr(peers_table, "FOLDERS", (".",))
    monkeypatch.setattr(peers_table, "KNOWN", {"MDIO_PEER_A": "one 1.0", "MDIO_PEER_C": "three 3.0"})
    for name in ("A", "B"):
        monkeypatch.setenv(f"MDIO_PEER_{name}", "/somewhere")
    monkeypatch.delenv("MDIO_PEER_C", raising=False)
    monkeypatch.chdir(tmp_path)
    return peers_table


def test_a_table(peers_table, capsys):
    assert peers_table.main() == 1
    lines = capsys.readouterr().out.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("check"))
    rows = {line.split("  ")[0]: line.split()[2:] for line in lines[start:]}
    assert lines[start].split() == ["check", "one", "1.0", "B"]
    assert rows["pairs: equal"] == ["ok", "ok"]
    assert rows["pairs: sizes"] == ["ok", "×2", "DIFFERS", "1/2"]
    assert rows["pairs: needs"] == ["skipped", "[1]", "ok"]
    assert rows["pairs: setup"] == ["ok", "DIFFERS"]
    assert "[1] no zfpy" in lines
    assert "not at hand: three 3.0 (MDIO_PEER_C is not set)" in lines
    assert any(line.startswith("differs: test_sizes[") and "two differ" in line for line in lines)
    assert any("no dataset" in line for line in lines)


def test_chosen_checks(peers_table, capsys):
    assert peers_table.main(["equal", "needs"]) == 0
    shown = capsys.readouterr().out
    assert "pairs: equal" in shown
    assert "pairs: sizes" not in shown
    assert "differs" not in shown


def test_nothing_at_hand(peers_table, monkeypatch, capsys):
    for name in ("A", "B"):
        monkeypatch.delenv(f"MDIO_PEER_{name}")
    assert peers_table.main() == 2
    assert "nothing was checked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        ({}, "-"),
        ({"passed": 1}, "ok"),
        ({"passed": 2, "skipped": 1}, "ok ×2, 1 skipped"),
        ({"skipped": 2}, "skipped [3]"),
        ({"failed": 1}, "DIFFERS"),
        ({"failed": 1, "passed": 3}, "DIFFERS 1/4"),
    ],
)
def test_a_cell(peers_table, outcomes, text):
    assert peers_table.Cell(Counter(outcomes), {"3"} if "skipped" in outcomes else set()).text == text
