"""Edits a finished dataset of any layout and keeps everything in it that says the same thing in step.

What stands in a dataset more than once – samples and headers in several access patterns, the live mask and the number
of its traces, statistics – is changed together, or marked as left behind before the first sample changes.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import InvalidMDIOError, WrongTypeError
from mdio.native import alterations
from mdio.native.dataset import Revision
from mdio.native.edit_session import STATISTICS, EditSession
from mdio.native.edit_target import EditTarget
from mdio.native.header_checks import held_words, require_places, require_words
from mdio.native.picking import Cut, Selection
from mdio.native.rewriting import Rewriter, is_lossy
from mdio.native.storable import require_storable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.dataset import Dataset
    from mdio.native.picking import Cut

__all__ = ["STATISTICS", "Editor"]

_UNKNOWN = 0
"""Number of traces that is counted when it is asked for; releases of MDIO wrote it, too."""
_AT_ONCE = 1 << 22
"""Samples compared with 0 together."""

Preparation = Callable[[EditTarget, Region, "NDArray[np.bool_]"], None]
"""Does something for flagged traces of a box before they are live."""


class Editor:
    """Changes samples, header records, live mask and file headers of a dataset. Safe to use from several threads.

    The first change takes a lock beside a local dataset, the one that an import into it takes, and keeps it until
    :meth:`close`; readers are not hindered. Object stores offer no lock.

    A process that dies in mid-edit leaves each stored object as it was or as it was to be. A trace that was live
    stays live; a new one is live when its header record and its first samples are there (an edit of whole traces
    stores all of them before). Until an edit is carried to all access patterns, those left behind are marked in the
    metadata; the number of traces is 0 there (for "count them") while the mask changes.

    Parameters
    ----------
    dataset
        As it was opened.
    pattern
        The access pattern that indices speak of.
    changed
        Called after every change with the dataset, from the editing thread.
    """

    def __init__(self, dataset: Dataset, pattern: str, changed: Callable[[Dataset], None]) -> None:
        self._session = EditSession(dataset, pattern, changed)
        self._traces_lock = threading.Lock()
        self._carry_lock = threading.Lock()

    # -- one edit ------------------------------------------------------------------------------------------------

    def write_samples(self, selection: Selection, values: NDArray[Any]) -> None:
        """Store samples; the traces that they belong to become live.

        A trace that was dead gets samples of 0 where nothing is written, and a header record of zeros but for the
        words that its grid position says (see :mod:`mdio.native.index_words`). A trace shorter than the sample axis
        becomes as long as the last sample other than 0 that is written to it demands.

        Parameters
        ----------
        selection
            Where; the sample axis last.
        values
            Real numbers that broadcast to the selection by the rules of numpy.

        Raises
        ------
        ShapeError
            They do not broadcast.
        ValueError
            A value has no place in the type of the samples; nothing is written.
        WriterLockedError
            Another process, or another accessor, is editing the dataset.
        """
        wide = selection.spread(values)
        if selection.empty:
            return
        alive = np.broadcast_to(True, selection.traces.shape)
        with self._session.working() as target:
            for array in target.samples:
                require_storable(values, array.spec.dtype, selection.naming(values))
            with self._session.changing(target, STATISTICS):
                if selection.covers_traces:
                    self._write(target, selection, wide)
                    self._set_live(target, selection.traces, alive, (self._blank_further,))
                else:
                    self._set_live(target, selection.traces, alive, (self._blank_samples, self._blank_further))
                    self._write(target, selection, wide)

    def write_live(self, selection: Selection, values: NDArray[Any]) -> None:
        """Make traces live or dead; a trace that dies loses its samples and its header record.

        Parameters
        ----------
        selection
            Where, without sample axis.
        values
            Truth values that broadcast to the selection.
        """
        wide = selection.spread(values)
        require_storable(values, np.dtype(bool), selection.naming(values))
        if selection.empty:
            return
        with self._session.working() as target, self._session.changing(target, STATISTICS):
            self._set_live(target, selection, wide.astype(bool), (self._blank_samples, self._blank_further))

    def write_headers(self, selection: Selection, records: NDArray[Any]) -> None:
        """Store header words of live traces; dead ones are left out with a warning.

        Parameters
        ----------
        selection
            Where, without sample axis.
        records
            Structured, any of the fields of a record under either name; the other fields stay as they are.

        Raises
        ------
        WrongTypeError
            The records are not structured.
        ValueError
            No such field, or a value has no place in it; nothing is written.
        """
        if records.dtype.names is None:
            raise WrongTypeError(f"header records have named fields, {records.dtype} has none")
        if selection.spread(records).size == 0:
            return
        dropped = 0
        with self._session.working() as target:
            if not target.headers:
                raise InvalidMDIOError("there are no trace headers in it", url=target.store.url)
            given = held_words(records, [array.spec.dtype for array in target.headers])
            for array in target.headers:
                require_words(selection, given, array.spec.dtype)
            require_places(given, target.layout)
            with self._session.changing(target):
                for array in target.headers:
                    put = alterations.RecordWriting(target.mask, selection.spread(given))
                    array.alter(selection.cuts(array.spec.objects), put)
                    dropped = put.dropped
        if dropped:
            warnings.warn(
                f"{target.store.url}: {dropped} dead traces were left out; a header record needs a live trace",
                UserWarning,
                stacklevel=4,
            )

    def revise(self, revision: Revision) -> None:
        """Change metadata that no sample depends on: file headers, statistics."""
        with self._session.working() as target:
            self._session.revise(target, revision)

    @property
    def edits(self) -> int:
        """Number of edits of samples or mask so far; statistics measured meanwhile do not hold."""
        return self._session.edits

    def store_statistics(self, statistics: Mapping[str, Any], edits: int) -> None:
        """Store statistics of the samples, as :meth:`mdio.flow.statistics.Partial.summary` names them.

        Parameters
        ----------
        statistics
            Of all samples.
        edits
            What :attr:`edits` was before they were measured.
        """
        with self._session.working() as target:
            self._session.store_statistics(target, Revision(statistics=statistics), edits)

    def close(self) -> None:
        """Let go of the lock; the next change takes it again."""
        self._session.close()

    def __reduce__(self) -> tuple[object, ...]:
        raise WrongTypeError(
            "an accessor that edits stays in its process", hint="with dask, use the scheduler of threads"
        )

    # -- traces --------------------------------------------------------------------------------------------------

    def _set_live(
        self,
        target: EditTarget,
        traces: Selection,
        values: NDArray[Any],
        prepare: Sequence[Preparation],
    ) -> None:
        """Make traces live or dead where they are not.

        What a new trace needs is stored before the mask says that it lives, and what a dead one had is taken after the
        mask says that it is dead.
        """
        with self._traces_lock:
            try:
                difference = sum(
                    self._set_some_live(target, cut, values, prepare) for cut in traces.cuts(target.mask.spec.objects)
                )
                if not target.counted:
                    self._state_count(target, target.count + difference if target.count else target.count_live())
            except BaseException:
                target.count = 0
                raise

    def _set_some_live(self, target: EditTarget, cut: Cut, values: NDArray[Any], prepare: Sequence[Preparation]) -> int:
        """Do so for the traces of one object of the mask; return how many there are more."""
        near = cut.narrow
        live = target.mask.read(near.box)
        wanted = live.copy()
        near.put(wanted, values)
        born, died = wanted & ~live, live & ~wanted
        if not born.any() and not died.any():
            return 0
        if target.counted:
            self._state_count(target, _UNKNOWN)
        if born.any():
            for step in (*prepare, self._begin_headers):
                step(target, near.box, born)
        target.mask.alter([cut], alterations.Setting(near.box, wanted))
        if died.any():
            self._bury(target, near.box, died)
        return int(np.count_nonzero(born)) - int(np.count_nonzero(died))

    def _state_count(self, target: EditTarget, count: int) -> None:
        self._session.revise(target, Revision(trace_count=count))
        target.counted = count != _UNKNOWN
        target.count = count or target.count

    def _begin_headers(self, target: EditTarget, box: Region, born: NDArray[np.bool_]) -> None:
        for array in target.headers:
            cuts = Selection.of(box, array.spec.shape).cuts(array.spec.objects)
            array.alter(cuts, alterations.NewRecords(born, target.words))

    def _blank_samples(self, target: EditTarget, box: Region, born: NDArray[np.bool_]) -> None:
        self._blank(target, target.samples, box, born)

    def _blank_further(self, target: EditTarget, box: Region, born: NDArray[np.bool_]) -> None:
        self._blank(target, target.further, box, born)

    def _blank(self, target: EditTarget, arrays: Sequence[Rewriter], box: Region, born: NDArray[np.bool_]) -> None:
        """Store 0 for new traces where dead ones may have another value."""
        whole = Selection.of(box, target.shape[:-1]).whole_traces(target.shape[-1])
        self._change_samples(
            [array for array in arrays if array.spec.masked or array.spec.fill_cell is not None],
            lambda array: array.alter(
                whole.cuts(array.spec.objects), alterations.Clearing(born, np.zeros((), array.spec.dtype))
            ),
            whole,
        )

    def _bury(self, target: EditTarget, box: Region, died: NDArray[np.bool_]) -> None:
        """Take samples, header record and length of traces that are dead."""
        traces = Selection.of(box, target.shape[:-1])
        for array in (*target.headers, *target.beside):
            behind = len(array.spec.shape) - len(box)
            selection = traces.whole_traces(array.spec.shape[-1]) if behind else traces
            array.alter(selection.cuts(array.spec.objects), alterations.Clearing(died, array.fill))
        whole = traces.whole_traces(target.shape[-1])
        for arrays in (target.samples, target.further):
            self._change_samples(
                arrays,
                lambda array: array.alter(whole.cuts(array.spec.objects), alterations.Clearing(died, array.fill)),
                whole,
            )

    # -- samples -------------------------------------------------------------------------------------------------

    def _write(self, target: EditTarget, selection: Selection, values: NDArray[Any]) -> None:
        if target.lengths is not None:
            self._lengthen(target.lengths, selection, values)
        self._change_samples(target.samples, lambda array: array.assign(selection, values), selection)

    def _change_samples(
        self, arrays: Sequence[Rewriter], change: Callable[[Rewriter], None], selection: Selection
    ) -> None:
        """Change the arrays that hold samples exactly, then make the others again from the first of those.

        An array that loses something is never read for an edit, so that its errors do not add up; where none holds
        them exactly, the first one counts.
        """
        exact = [array for array in arrays if not is_lossy(array.spec)] or arrays[:1]
        for array in exact:
            change(array)
        lossy = [array for array in arrays if array not in exact]
        if lossy:
            # One at a time: chunks that are read for it and kept must not be older than those of the edit before.
            with self._carry_lock:
                for array in lossy:
                    array.fill_from(exact[0], selection)

    def _lengthen(self, lengths: Rewriter, selection: Selection, values: NDArray[Any]) -> None:
        """Let traces reach as far as the last sample other than 0 that is written to them."""
        ends = np.zeros(selection.traces.shape, dtype=lengths.spec.dtype)
        reach = (selection.last + 1).astype(ends.dtype)
        step = max(1, _AT_ONCE // int(np.prod(values.shape[1:], dtype=np.int64)))
        for start in range(0, len(values), step):
            part = slice(start, start + step)
            ends[part] = np.where(values[part] != 0, reach, 0).max(axis=-1)
        lengths.alter(selection.traces.cuts(lengths.spec.objects), alterations.Lengthening(ends))
