"""Run by the interpreter of the environment that has the openvds wheel: say what it reads of VDS files of ours.

Reads a JSON list of cases from standard input; saves the answers to each in ``<name>.npz``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import openvds

sys.path.append(str(Path(__file__).parents[1] / "support"))
from vds_wavelet_reads import answers

for case in json.load(sys.stdin):
    np.savez(case["name"], **answers(openvds, case["name"] + ".vds", case))
