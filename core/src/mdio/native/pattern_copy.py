"""Carries further access patterns of a dataset into a new one, whatever layouts the two have.

The default pattern is written by the run. Others hold the same samples in other chunks; their objects are copied as
they are where both layouts can name their codec, and encoded anew, a chunk at a time, where not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mdio.core.region import Region
from mdio.exceptions import CodecError, IntegrityError
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.chunks import ChunkReader
from mdio.native.codecs import default_codec
from mdio.native.dataset import Revision
from mdio.native.opening import open_dataset
from mdio.native.volume import MdioVolume

if TYPE_CHECKING:
    from mdio.core.volume import Volume
    from mdio.native.arrays import ArraySpec
    from mdio.native.dataset import Dataset
    from mdio.native.pending import PendingDocuments

__all__ = ["copy_patterns", "further_patterns"]

Put = Callable[..., None]


def further_patterns(like: Volume) -> tuple[MdioVolume, tuple[str, ...]] | None:
    """Return a dataset and the access patterns to carry over; None for views, other formats, and where there are none.

    A dataset that was opened by another pattern than its default is meant for that one. Patterns whose codec nothing
    installed decodes stay behind, with a warning.
    """
    volume = getattr(like, "inner", like)
    if not isinstance(volume, MdioVolume) or volume.pattern != volume.access_patterns[0]:
        return None
    readable = volume.sample_arrays
    patterns = tuple(name for name in volume.access_patterns[1:] if name in readable)
    lost = [name for name in volume.access_patterns[1:] if name not in readable]
    if lost:
        warnings.warn(
            f"{volume.dataset.store.url}: access patterns {', '.join(lost)} are stored in ways that are not read here "
            f"and are left out",
            UserWarning,
            stacklevel=2,
        )
    return (volume, patterns) if patterns else None


def copy_patterns(
    volume: MdioVolume, patterns: tuple[str, ...], documents: PendingDocuments, records: ChunkReader | None, put: Put
) -> None:
    """Store access patterns of a dataset and name them in the metadata of the new one.

    Parameters
    ----------
    volume
        Where they come from.
    patterns
        Their names.
    documents
        Metadata of the new dataset, not stored yet.
    records
        Header records of the new dataset, for layouts that keep them in the chunks of each pattern.
    put
        Stores an object.

    Raises
    ------
    IntegrityError
        A chunk does not match its check.
    """
    target = open_dataset(documents)
    for pattern in patterns:
        stored = volume.dataset.array(volume.dataset.samples(pattern))
        assert stored is not None
        samples, headers = _specs(volume, target, pattern, stored)
        if samples.codec is stored.codec:
            _copy_objects(volume, stored, samples, put)
        else:
            _write_anew(volume, pattern, samples, put)
        added = [samples]
        if headers is not None and records is not None:
            writer = ChunkWriter(put, _keep, headers)
            for box in _boxes(headers):
                writer.write(box, records.read(box))
            added.append(headers)
        target.add_arrays(added)
    stale = [name for name in volume.description.stale if name in patterns]
    if stale:
        target.revise(Revision(stale=stale))


def _specs(volume: MdioVolume, target: Dataset, pattern: str, stored: ArraySpec) -> tuple[ArraySpec, ArraySpec | None]:
    """Return the arrays of a pattern in the new dataset: with the codec of the old one where objects can be copied."""
    # Others leave anything in dead cells of MDIO v1, where readers go by the mask; v0 has zeros there.
    clean = target.layout == "v1" or volume.dataset.layout != "v1" or bool(volume.description.header)
    if clean and _copyable(stored):
        found = target.pattern_specs(pattern, stored.chunks, stored.dtype, stored.codec)
        try:
            # Whether the layout has a name for the codec shows where it writes it.
            target.add_arrays([found[0]])
            return found
        except (CodecError, AttributeError):
            pass
    codec = default_codec(stored.dtype.itemsize)
    return target.pattern_specs(pattern, stored.chunks, stored.dtype.newbyteorder("<"), codec)


def _copyable(stored: ArraySpec) -> bool:
    """Whether an object is one chunk in C order whose missing cells are 0, as every layout has it."""
    plain = stored.shards is None and not stored.filters and stored.order == "C"
    return plain and stored.fill_cell is None and stored.dtype.byteorder != ">"


def _copy_objects(volume: MdioVolume, stored: ArraySpec, new: ArraySpec, put: Put) -> None:
    store = volume.dataset.store
    check = getattr(stored.codec, "check", lambda _: None)
    for index in Region.whole(stored.shape).chunks(stored.objects):
        data = store.get(stored.key(index))
        if data is None:
            continue
        if check(data) is False:
            raise IntegrityError(
                f"{store.url}: chunk {stored.key(index)} does not match its check",
                hint="restore the object from a copy, or write this access pattern again",
            )
        put(new.key(index), data)


def _write_anew(volume: MdioVolume, pattern: str, new: ArraySpec, put: Put) -> None:
    from mdio.native.options import ReadOptions

    other = MdioVolume(volume.dataset, ReadOptions.model_validate({"access_pattern": pattern}))
    writer = ChunkWriter(put, _keep, new)
    for box in _boxes(new):
        writer.write(box, other.samples(box))


def _boxes(spec: ArraySpec) -> Iterator[Region]:
    for index in Region.whole(spec.shape).chunks(spec.objects):
        yield Region.of_chunk(index, spec.objects, spec.shape)


def _keep(key: str) -> None:
    """Leave an object of only fill away: nothing was written before."""
