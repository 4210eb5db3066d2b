"""The compiled loops and the same loops in plain Python give the same bytes.

Machine code differs from Python where numbers wrap round, where an index is out of bounds and where 0 divides. This
file is its own program: a process in which numba compiles nothing tells what it got, and so do we.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHUNKS = {
    "regular": (16, 16, 16),
    "irregular": (11, 9, 17),
    "flat": (20, 33),
    "line": (45,),
    "small": (5, 6, 7),
    "deep": (64, 64),
}


def chunk(shape):
    axes = np.meshgrid(*[np.linspace(0, 2 + n / 7, n) for n in shape], indexing="ij", sparse=True)
    values = sum(np.sin(place * (2 + i)) for i, place in enumerate(axes)) + np.zeros(shape)
    values = (values + 0.1 * np.random.default_rng(3).normal(size=shape)).astype(np.float32)
    values[..., : shape[-1] // 3] = 0
    values.reshape(-1)[[7, -3]] = -999.25
    return values


def outcomes():
    from mdio_vds.blocks import BlockError
    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.enums import CompressionMethod, VolumeDataFormat
    from mdio_vds.wavelet.decode import decode_wavelet
    from mdio_vds.wavelet.encode import encode_wavelet

    def told(part):
        return hashlib.sha256(part).hexdigest()[:16]

    found = {}
    for fmt in ("R32", "U8", "U16"):
        of = ChannelDescriptor("A", "", VolumeDataFormat[f"Format_{fmt}"], 1, (-3.0, 3.0), no_value=-999.25)
        for method in [method for method in CompressionMethod if method.is_wavelet]:
            for name, shape in CHUNKS.items():
                if fmt != "R32" and name not in ("irregular", "flat"):
                    continue
                codes = chunk(shape)
                if fmt != "R32":
                    most = 255 if fmt == "U8" else 65535
                    codes = np.clip(np.rint((codes + 3) * most / 6), 0, most).astype(fmt.lower().replace("u", "uint"))
                payload, levels = encode_wavelet(codes, method, of, 2.0)
                damaged = bytearray(payload)
                damaged[len(payload) // 2] ^= 0x5A
                results = [told(payload), levels.hex()]
                for stream in (payload, bytes(damaged)):
                    for level in (-1, 1):
                        try:
                            results.append(told(decode_wavelet(stream, method, of, shape[::-1], level).tobytes()))
                        except BlockError as error:
                            results.append(str(error))
                found[f"{fmt} {method.name} {name}"] = results
    return found


def test_plain_loops_give_what_compiled_loops_give():
    pytest.importorskip("numba")
    command = [sys.executable, str(Path(__file__))]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    assert done.returncode == 0, done.stderr
    plain = json.loads(done.stdout)
    assert len(plain) == 40
    assert plain == outcomes()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(outcomes()))
