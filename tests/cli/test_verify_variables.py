"""``mdio verify`` reads the coordinates of an MDIO v1 dataset too: xarray shows them, and the toolkit reads others."""

import json

import pytest
import zarr

from mdio.cli import main
from mdio.convert import create
from mdio.flow import engine
from mdio.testing.survey import poststack


@pytest.fixture
def dataset(tmp_path):
    volume = poststack((12, 10, 30))
    sink = create(tmp_path / "x.mdio", volume, options={"layout": "v1"})
    engine.run(volume, sink)
    sink.close()
    assert zarr.open(tmp_path / "x.mdio")["cdp_x"].ndim == 2
    return tmp_path / "x.mdio"


def verified(capsys, dataset):
    code = main(["verify", str(dataset), "--json", "--quiet"])
    facts = json.loads(capsys.readouterr().out)
    return code, [finding for finding in facts["findings"] if finding["check"] == "other-variables"]


def test_a_whole_dataset(dataset, capsys):
    assert verified(capsys, dataset) == (0, [])


@pytest.mark.parametrize("name", ["cdp_x", "cdp_y"])
def test_a_flipped_byte(dataset, capsys, name):
    file = dataset / name / "c" / "0" / "0"
    data = bytearray(file.read_bytes())
    data[-20] ^= 0x10
    file.write_bytes(data)
    code, (finding,) = verified(capsys, dataset)
    assert code == 4
    assert finding["severity"] == "error"
    assert f"{name}/c/0/0" in finding["message"]
    assert finding["where"].startswith("inline ")
    assert ", crossline " in finding["where"]


def test_a_missing_object(dataset, capsys):
    (dataset / "cdp_x" / "c" / "0" / "0").unlink()
    code, (finding,) = verified(capsys, dataset)
    assert code == 4
    assert "cdp_x/c/0/0 is missing" in finding["message"]
