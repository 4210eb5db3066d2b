"""Takes a survey to stores that fail and back, again and again, and sees that it is right or refused in time.

    python tests/soak/faults.py --turns 20 --seed 1       # 900 turns: about 45 minutes

Every turn imports, reads, verifies and exports through a store where a twentieth or a third of all requests fail with
503, a reset, a cut body, or hang, or where the disk is full at some moment, with the usual pauses between attempts.
Something that came back wrong, half a dataset that opens, an error that is not the toolkit's, and a turn that outlasts
the deadline by far are failures. The short form is ``tests/storage/test_faults.py``. The last line has all the numbers;
ends with code 1 when anything is wrong.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import collections
import faulthandler
import os
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from fault_cases import TARGETS, source, turn
from faulty_store import KINDS


def main() -> int:
    """Run all turns; return 1 when one was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20, help="turns for each kind of fault, rate and target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=30.0, help="seconds for a request")
    parser.add_argument("--only", default="", help="a target: " + ", ".join(TARGETS))
    given = parser.parse_args()
    os.environ["MDIO_STORE_DEADLINE"] = str(given.deadline)
    dice = random.Random(given.seed)
    sums: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    cases = [(kind, rate, {}) for kind in KINDS for rate in (0.05, 0.3)]
    cases += [("truncation", 0.3, {"silent": True}), ("delay", 0.02, {"delay": 0.3}), ("full", 0.0, {})]
    print(f"{'fault':<18}{'target':<15}{'turns':>6}{'whole':>7}{'refused':>9}{'wrong':>7}{'requests':>10}{'faults':>9}"
          f"{'mean s':>8}{'max s':>7}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sgy"
        data = source(path, (24, 30), 90)
        for kind, rate, more in cases:
            for target in TARGETS if not given.only else [given.only]:
                count: collections.Counter[str] = collections.Counter()
                longest = total = 0.0
                for _ in range(given.turns):
                    seed = dice.randrange(1 << 30)
                    settings = dict(more, room=dice.randrange(300_000)) if kind == "full" else more
                    faulthandler.dump_traceback_later(20 * given.deadline, exit=True)
                    try:
                        outcome = turn(
                            path, data, target, "503" if kind == "full" else kind, rate, seed=seed, **settings
                        )
                    except Exception as error:  # noqa: BLE001 - anything that is no refusal is a failure
                        count["wrong"] += 1
                        print(f"WRONG {kind} {rate} {target} seed {seed}: {type(error).__name__}: {error}", flush=True)
                        continue
                    count["whole" if "export" in outcome.done else "refused"] += 1
                    count["requests"] += outcome.requests
                    count["faults"] += outcome.injected
                    longest, total = max(longest, outcome.seconds), total + outcome.seconds
                faulthandler.cancel_dump_traceback_later()
                name = f"{kind} {rate:.0%}{' silent' if more.get('silent') else ''}"
                print(f"{name:<18}{target:<15}{given.turns:>6}{count['whole']:>7}{count['refused']:>9}"
                      f"{count['wrong']:>7}{count['requests']:>10}{count['faults']:>9}{total / given.turns:>8.2f}"
                      f"{longest:>7.2f}", flush=True)  # fmt: skip
                sums += count
                slowest = max(slowest, longest)
    print(f"{sums['whole'] + sums['refused'] + sums['wrong']} turns, {sums['faults']} of {sums['requests']} requests "
          f"failed: {sums['whole']} came back whole, {sums['refused']} were refused with a typed error, "
          f"{sums['wrong']} wrong; the longest took {slowest:.1f} s")  # fmt: skip
    return 1 if sums["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
