"""How ``mdio info`` reads: names in words, moments to the second, nothing that is empty."""

import numpy as np
import pytest

from mdio.api.from_arrays import from_numpy
from mdio.cli import main
from mdio.cli.info import _moment
from mdio.testing import synthetic


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-20T19:44:12.881675+00:00", "2026-11-20 19:44:12 UTC"),
        ("2026-11-20T19:44:12", "2026-11-20 19:44:12"),
        ("last week", "last week"),
    ],
)
def test_moments(text, shown):
    assert _moment(text) == shown


def test_layout(tmp_path, capsys):
    live = np.ones((3, 4), bool)
    live[1, 2] = False
    from_numpy(synthetic.formula((3, 4, 8)), tmp_path / "a.mdio", live=live)
    assert main(["info", str(tmp_path / "a.mdio")]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = {line.split("  ")[0]: line for line in lines}
    assert named["Traces"].endswith("11 in 12 cells (91.67% filled)")
    assert named["Created"].endswith(" UTC")
    assert "inf count" in named["Statistics"]
    assert named["trace order"].endswith("grid")
    assert not any("_" in line for line in lines if not line.startswith(str(tmp_path)))
