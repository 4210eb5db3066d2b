"""Datasets are made, edited, copied, rechunked, deleted and killed at random writes; a model in memory knows the rest.

Killed runs are processes of their own that end with SIGKILL. What is left is the old dataset or the new one, whole, or
nothing that opens.
"""

import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from killing import Counter, forked, survivors

import mdio
from mdio.api.convenience import copy_mdio, rechunk
from mdio.api.verifying import verify
from mdio.convert import Stores, create
from mdio.convert import open as open_volume
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation
from mdio.exceptions import IncompleteDatasetError, MDIOAlreadyExistsError, MDIOError, MDIONotFoundError
from mdio.flow import engine
from mdio.testing import synthetic

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
SHAPE = (5, 4, 12)
LAYOUTS = (
    {"chunks": [2, 2, 8]},
    {"layout": "v1", "chunks": [2, 2, 8]},
    {"layout": "v1", "chunks": [2, 2, 4], "shards": [4, 4, 8]},
)
NAMES = ("a", "b")
SUFFIXES = ("fast", "slow")
steps = kills = 0


def made(seed):
    """A volume that differs from those of other seeds in every sample, trace header and dead trace."""
    volume = synthetic.volume(SHAPE, "i4", live=lambda i, j: (i + j) % 5 != seed % 5, headers=standard_layout())
    volume._samples += np.where(volume._samples != 0, 10000 * (seed + 1), 0)
    return volume


def write(path, seed, layout, creation):
    volume = made(seed)
    sink = create(path, volume, options=LAYOUTS[layout], creation=creation)
    try:
        engine.run(volume, sink, workers=1)
    finally:
        sink.close()


def samples(path, pattern=None):
    volume = open_volume(path, options={"access_pattern": pattern} if pattern else {})
    try:
        return volume.read(volume.schema.region).samples.copy()
    finally:
        volume.close()


class Model:
    """What a dataset holds: samples, live traces, and the access patterns that follow them."""

    def __init__(self, seed):
        volume = made(seed)
        self.live = volume.live(volume.schema.region.spatial)
        self.samples = volume.read(volume.schema.region).samples.copy()
        self.patterns = set()

    def copy(self):
        other = object.__new__(Model)
        other.live, other.samples, other.patterns = self.live.copy(), self.samples.copy(), set(self.patterns)
        return other


class Datasets(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        quick = Path("/dev/shm")  # every step syncs
        self.folder = tempfile.TemporaryDirectory(prefix="machine-", dir=quick if quick.is_dir() else None)
        self.there = {}
        """Name -> model of what opens."""
        self.begun = {}
        """Name -> seed and layout of a run that was killed."""

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def path(self, name):
        return str(Path(self.folder.name) / f"{name}.mdio")

    def killed(self, work, at, how):
        """Run something in a process that may be killed; return whether it was."""
        global kills

        def child():
            Counter(at=at, how=how)
            work()

        status, _, session = forked(child)
        assert status in (0, -signal.SIGKILL)
        assert not survivors(session)
        kills += status != 0
        return status != 0

    # -- making --------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), seed=st.integers(0, 9), layout=st.integers(0, 2), overwrite=st.booleans())
    def create(self, name, seed, layout, overwrite):
        refused = None if overwrite else self._refusal(name)
        if refused:
            with pytest.raises(refused):
                write(self.path(name), seed, layout, Creation())
            return
        write(self.path(name), seed, layout, Creation(overwrite=overwrite))
        self.there[name] = Model(seed)
        self.begun.pop(name, None)

    def _refusal(self, name):
        if name in self.there:
            return MDIOAlreadyExistsError
        return IncompleteDatasetError if name in self.begun else None

    @rule(
        name=st.sampled_from(NAMES),
        seed=st.integers(0, 9),
        layout=st.integers(0, 2),
        at=st.integers(0, 90),
        how=st.sampled_from(["before", "half", "after"]),
    )
    def kill(self, name, seed, layout, at, how):
        path = self.path(name)
        if self._is_old(name, Model(seed).samples):
            seed += 1  # so that what is found tells which of the two it is
        was_killed = self.killed(lambda: write(path, seed, layout, Creation(overwrite=True)), at, how)
        self._look(name, seed, layout, was_killed)

    def _look(self, name, seed, layout, was_killed):
        new = Model(seed)
        try:
            found = samples(self.path(name))
        except (IncompleteDatasetError, MDIONotFoundError) as error:
            assert was_killed
            assert name not in self.there
            if isinstance(error, IncompleteDatasetError):
                self.begun[name] = seed, layout
            else:
                self.begun.pop(name, None)
            return
        if np.array_equal(found, new.samples) and not self._is_old(name, found):
            self.there[name] = new
            self.begun.pop(name, None)
        else:
            assert was_killed
            assert self._is_old(name, found)
            self.begun[name] = seed, layout

    def _is_old(self, name, found):
        return name in self.there and np.array_equal(found, self.there[name].samples)

    @precondition(lambda self: self.begun)
    @rule(at=st.one_of(st.none(), st.integers(0, 60)), how=st.sampled_from(["before", "after"]))
    def resume(self, at, how):
        name = sorted(self.begun)[0]
        seed, layout = self.begun[name]
        creation = Creation(resume=True, overwrite=name in self.there)
        path = self.path(name)
        if at is not None:
            was_killed = self.killed(lambda: write(path, seed, layout, creation), at, how)
            self._look(name, seed, layout, was_killed)
            return
        write(path, seed, layout, creation)
        self.there[name] = Model(seed)
        del self.begun[name]
        assert not [entry.name for entry in Path(self.folder.name).glob(f".{name}.mdio.*")]

    # -- using ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def edit(self, data):
        name = data.draw(st.sampled_from(sorted(self.there)))
        box = tuple(slice(*sorted((data.draw(st.integers(0, n)), data.draw(st.integers(0, n))))) for n in SHAPE)
        value = data.draw(st.integers(-5, 5))
        model = self.there[name]
        with mdio.MDIOWriter(self.path(name)) as writer:
            writer[box] = value
            model.live = writer.live_mask[:].copy()
        if all(part.start < part.stop for part in box):
            model.samples[box] = value
            model.samples[~model.live] = 0

    @precondition(lambda self: self.there)
    @rule(
        data=st.data(),
        suffix=st.sampled_from(SUFFIXES),
        chunks=st.sampled_from([(1, 4, 12), (5, 1, 12), (5, 4, 3)]),
        at=st.one_of(st.none(), st.integers(0, 40)),
    )
    def rechunk(self, data, suffix, chunks, at):
        name = data.draw(st.sampled_from(sorted(self.there)))
        path, model = self.path(name), self.there[name]

        def work():
            rechunk(mdio.MDIOAccessor(path, mode="w"), chunks, suffix, overwrite=True)

        if at is None:
            work()
            model.patterns.add(suffix)
        elif not self.killed(work, at, "before"):
            model.patterns.add(suffix)
        else:
            there = set(open_volume(path).access_patterns)
            assert {*model.patterns} - {suffix} <= there <= {"012", suffix, *model.patterns}
            model.patterns = there & set(SUFFIXES)

    @precondition(lambda self: self.there)
    @rule(overwrite=st.booleans(), at=st.one_of(st.none(), st.integers(0, 60)), data=st.data())
    def copy(self, overwrite, at, data):
        name = data.draw(st.sampled_from(sorted(self.there)))
        other = NAMES[1 - NAMES.index(name)]
        source, target, old = self.path(name), self.path(other), self.there.get(other)

        def work():
            copy_mdio(source, target, overwrite, copy_traces=True, copy_headers=True)

        refused = None if overwrite else self._refusal(other)
        if refused:
            with pytest.raises(refused):
                work()
            return
        if at is None or not self.killed(work, at, "before"):
            if at is None:
                work()
            self.there[other] = self.there[name].copy()
            self.begun.pop(other, None)
            return
        try:
            found = samples(target)
        except MDIOError as error:
            assert old is None
            assert isinstance(error, (IncompleteDatasetError, MDIONotFoundError))
            Stores().open(target).delete()
            self._sweep(other)
            return
        if old is None or not np.array_equal(found, old.samples):
            assert np.array_equal(found, self.there[name].samples)
            self.there[other] = self.there[name].copy()
        else:
            old.patterns &= set(open_volume(target).access_patterns)
        self._sweep(other)

    def _sweep(self, name):
        """Forget a run that nothing goes on with, as a user who deletes what it left."""
        for entry in Path(self.folder.name).glob(f".{name}.mdio.*"):
            Stores().open(str(entry)).delete()
        self.begun.pop(name, None)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name):
        Stores().open(self.path(name)).delete()
        self._sweep(name)
        self.there.pop(name, None)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def verify(self, data):
        name = data.draw(st.sampled_from(sorted(self.there)))
        report = verify(open_volume(self.path(name)), workers=1)
        assert report.ok, report.damages
        for pattern in self.there[name].patterns:
            assert np.array_equal(samples(self.path(name), pattern), self.there[name].samples)

    @invariant()
    def what_opens_is_what_the_model_holds(self):
        global steps
        if not hasattr(self, "folder"):
            return
        steps += 1
        for name in NAMES:
            if name in self.there:
                assert np.array_equal(samples(self.path(name)), self.there[name].samples)
            else:
                with pytest.raises(IncompleteDatasetError if name in self.begun else MDIONotFoundError):
                    samples(self.path(name))


def test_the_machine_walks_two_thousand_steps(record_property):
    run_state_machine_as_test(
        Datasets,
        settings=settings(
            max_examples=52, stateful_step_count=50, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        ),
    )  # fmt: skip
    record_property("counted", f"{steps} steps, {kills} of them killed")
    assert steps >= 2000
    assert kills >= 100
