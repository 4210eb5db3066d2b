"""``import mdio_vds as openvds``: every documented name is there, and does what it does in OpenVDS.

What OpenVDS 3.4.9 prints is kept in parity/openvds_3.4.9.txt, so that it need not be installed; where it is, the record
is checked against it.
"""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mdio_vds

PARITY = Path(__file__).with_name("parity")
PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
SEED = Path(__file__).parents[3] / "shared/seeds/openvds-python-api.txt"
NAMES = (PARITY / "names.txt").read_text().split()
CALLED_AT_LEAST = 0.9

sys.path.insert(0, str(PARITY))
from deviations import DEVIATIONS  # noqa: E402
from seed_names import seed_names  # noqa: E402


def run(python, module, folder):
    """Return the lines of the program by name."""
    done = subprocess.run(
        [python, PARITY / "program.py", module, folder], check=True, capture_output=True, text=True, timeout=300
    )
    return lines(done.stdout)


def lines(text):
    return dict(line.split(" = ", 1) for line in text.splitlines())


@pytest.mark.shared
@pytest.mark.skipif(not SEED.exists(), reason="../shared is absent")
def test_the_list_of_names_is_that_of_the_documentation():
    assert seed_names(SEED.read_text()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_name_is_there(name):
    found = mdio_vds
    for part in name.split("."):
        found = (
            inspect.getattr_static(found, part) if inspect.isclass(found) and part == "name" else getattr(found, part)
        )
    assert callable(found) or isinstance(found, (property, int))


def test_the_program_prints_what_openvds_prints(tmp_path):
    ours, theirs = run(sys.executable, "mdio_vds", tmp_path), lines((PARITY / "openvds_3.4.9.txt").read_text())
    assert list(ours) == list(theirs)
    different = {name for name in ours if ours[name] != theirs[name]}
    assert different == set(DEVIATIONS)


def test_the_program_calls_the_documented_names():
    called = {name.split("/")[0] for name in lines((PARITY / "openvds_3.4.9.txt").read_text())}
    same = called - set(DEVIATIONS)
    assert len(called & set(NAMES)) == len(NAMES)
    assert len(same & set(NAMES)) >= CALLED_AT_LEAST * len(NAMES)


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_the_record_is_what_openvds_prints(tmp_path):
    recorded = lines((PARITY / "openvds_3.4.9.txt").read_text())
    assert run(PEER, "openvds", tmp_path) == recorded


READ = """
import sys, numpy
import {module} as openvds
handle = openvds.open(sys.argv[1])
layout, manager = openvds.getLayout(handle), openvds.getAccessManager(handle)
Format = openvds.VolumeDataFormat
for channel in range(layout.getChannelCount()):
    print(layout.getChannelName(channel), manager.getVDSProduceStatus(openvds.DimensionsND.Dimensions_012, 0, channel))
    for lod in range(3 if channel in (0, 3) else 1):
        top = {{1: (1, 40, 30), 4: (240, 40, 30)}}.get(channel, (50, 40, 30))
        data = manager.requestVolumeSubset((0, 0, 0), top, channel=channel, lod=lod, format=Format.Format_R32).data
        print(data.size, repr(float(data.astype("f8").sum())), data[:: data.size // 20].tolist())
print(sorted(repr(key) for key in layout.getMetadataKeys()))
openvds.close(handle)
"""


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
@pytest.mark.parametrize("name", ["volume", "edited"])
def test_either_reads_what_the_other_wrote(tmp_path, name):
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    run(sys.executable, "mdio_vds", tmp_path / "ours")
    run(PEER, "openvds", tmp_path / "theirs")
    for folder in ("ours", "theirs"):
        shown = [
            subprocess.run(
                [python, "-c", READ.format(module=module), tmp_path / folder / f"{name}.vds"],
                check=True, capture_output=True, text=True,
            ).stdout
            for python, module in ((PEER, "openvds"), (sys.executable, "mdio_vds"))
        ]  # fmt: skip
        assert shown[0] == shown[1] and len(shown[0]) > 1000
