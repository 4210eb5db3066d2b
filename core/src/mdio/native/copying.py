"""Copies datasets object by object, as bytes: nothing is decoded, and what is left out are empty arrays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING

from mdio.core.region import Region
from mdio.exceptions import ConfigError
from mdio.flow.engine import available_cores
from mdio.flow.events import Observer, Report, RunFinished, RunStarted, RunStopped
from mdio.flow.plan import DEFAULT_MEMORY
from mdio.flow.telling import Telling
from mdio.native.dataset import Revision
from mdio.native.opening import open_dataset
from mdio.native.pending import PendingDocuments
from mdio.native.staged import staged_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdio.native.dataset import Dataset
    from mdio.storage.staging import StagedTree
    from mdio.storage.store import Store

__all__ = ["copy_dataset", "is_document"]

_LAST = (".zattrs", ".zmetadata", ".zgroup", "zarr.json")
"""Documents of the root in the order in which they are written, after everything else."""
_DOCUMENTS = {".zarray", *_LAST}


def is_document(key: str) -> bool:
    """Whether an object holds metadata."""
    return key.rpartition("/")[2] in _DOCUMENTS


def copy_dataset(
    source: Dataset,
    target: Store,
    wanted: Callable[[str], bool],
    *,
    overwrite: bool = False,
    revision: Revision | None = None,
    workers: int | None = None,
    observers: Sequence[Observer] = (),
) -> Report:
    """Copy a dataset; the target is complete, or it is not there.

    Parameters
    ----------
    source
        What is copied.
    target
        Its new place.
    wanted
        Whether an object of an array is copied, by its key. Metadata always are, so that arrays whose objects are
        left out are there and empty.
    overwrite
        Replace what is there; on a local disk it stays whole until the copy is.
    revision
        Changes to the metadata of the copy.
    workers
        Threads; all cores by default.
    observers
        Called with the events of the run.

    Raises
    ------
    MDIOAlreadyExistsError, IncompleteDatasetError, WriterLockedError, StorageError
        The target cannot be begun, or reading or writing failed.
    ConfigError
        Source and target are one.
    """
    _require_apart(source.store, target)
    documents, objects, left_out = _contents(source.store, wanted)
    emptied = [path for path in _arrays(documents) if any(key.startswith(f"{path}/") for key in left_out)]
    if emptied:
        revision = replace(revision or Revision(), emptied=emptied)
    if revision is not None:
        documents = _revised(source.store, documents, revision)
    threads = max(1, available_cores() if workers is None else workers)
    total = sum(size for _, size in objects)
    plan: Mapping[str, int] = {"objects": len(objects), "bytes": total, "workers": threads}
    progress = Telling(observers, len(objects), total)
    begun = time.monotonic()
    try:
        with staged_dataset(target, overwrite=overwrite, origin={"copy of": source.store.url}) as tree:
            progress.tell(RunStarted(plan, len(objects), total))
            _copy_objects(source.store, tree, objects, threads, progress)
            tree.commit(sorted(documents.items(), key=_turn))
    except BaseException as error:
        progress.tell(RunStopped(str(error) or type(error).__name__))
        raise
    report = Report(plan, {}, len(objects), 0, (), total, time.monotonic() - begun)
    progress.tell(RunFinished(report))
    return report


def _require_apart(source: Store, target: Store) -> None:
    same = source.url.rstrip("/") == target.url.rstrip("/")
    if source.path is not None and target.path is not None:
        one, other = source.path.resolve(), target.path.resolve()
        same = one == other or one in other.parents or other in one.parents
    if same:
        raise ConfigError(f"{target.url}: source and target are the same, or one lies in the other")


def _contents(store: Store, wanted: Callable[[str], bool]) -> tuple[dict[str, bytes], list[tuple[str, int]], set[str]]:
    """Return the metadata, key and size of the objects to copy, and folders of others, with ``/`` at their ends.

    What is being written there is passed by.
    """
    documents: dict[str, bytes] = {}
    objects = []
    left_out = set()
    for key, size in store.list():
        if any(part.startswith(".") and part not in _DOCUMENTS for part in key.split("/")):
            continue
        if is_document(key):
            documents[key] = store.read(key)
        elif wanted(key):
            objects.append((key, size))
        else:
            left_out.add(key.rpartition("/")[0] + "/")
    return documents, sorted(objects), left_out


def _arrays(documents: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the paths that documents of arrays or groups stand at."""
    for key in documents:
        path, _, name = key.rpartition("/")
        if path and name in (".zarray", "zarr.json"):
            yield path


def _turn(item: tuple[str, bytes]) -> tuple[bool, int, str]:
    key = item[0]
    return key in _LAST, _LAST.index(key) if key in _LAST else 0, key


def _revised(store: Store, documents: dict[str, bytes], revision: Revision) -> dict[str, bytes]:
    pending = PendingDocuments(store.url, list(documents.items()))
    open_dataset(pending).revise(revision)
    return dict(pending)


def _copy_objects(
    store: Store, tree: StagedTree, objects: Sequence[tuple[str, int]], workers: int, progress: Telling
) -> None:
    """Move objects in threads, with a bound on the bytes that are on their way."""
    running: dict[Future[None], tuple[int, int]] = {}
    on_the_way = 0

    def settle() -> int:
        """Wait for some; return their bytes."""
        moved = 0
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            index, size = running.pop(future)
            future.result()
            progress.done(Region([(index, index + 1)]), size)
            moved += size
        return moved

    with ThreadPoolExecutor(workers, "mdio-copy") as pool:
        try:
            for index, (key, size) in enumerate(objects):
                while running and (len(running) >= 2 * workers or on_the_way + size > DEFAULT_MEMORY):
                    on_the_way -= settle()
                running[pool.submit(_move, store, tree, key)] = index, size
                on_the_way += size
            while running:
                settle()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _move(store: Store, tree: StagedTree, key: str) -> None:
    tree.put(key, store.read(key))
