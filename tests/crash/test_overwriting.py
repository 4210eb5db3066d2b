"""An object store has no rename: what happens when a run dies while it clears away the dataset that it replaces."""

import fsspec
import numpy as np
import pytest

import mdio
from mdio.convert import create
from mdio.core.volume import Creation
from mdio.exceptions import IncompleteDatasetError, SlabError
from mdio.flow.engine import run
from mdio.storage.remote import RemoteStore
from mdio.testing import synthetic

OPTIONS = {"v0": {}, "v1": {"layout": "v1"}, "vds": {"layout": "objects", "brick_size": 32}}


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("after", [0, 1, 2, 3, 5])
def test_a_kill_among_the_deletions(kind, after, monkeypatch):
    fsspec.filesystem("memory").rm("/", recursive=True) if fsspec.filesystem("memory").ls("/") else None
    url, format = f"memory://place/{kind}", "vds" if kind == "vds" else "mdio"
    volume = synthetic.volume((20, 12, 30))

    def write(**asked):
        sink = create(url, volume, format=format, options=OPTIONS[kind], creation=Creation(**asked))
        run(volume, sink)

    write()
    calls = []

    def mortal(method):
        def call(self, *arguments):
            calls.append(method.__name__)
            if calls.count("delete") > after:
                raise KeyboardInterrupt  # and nothing that tidies up gets through either: the process is dead
            return method(self, *arguments)

        return call

    with monkeypatch.context() as patch:
        for name in ("delete", "write", "create"):
            patch.setattr(RemoteStore, name, mortal(getattr(RemoteStore, name)))
        with pytest.raises((KeyboardInterrupt, SlabError)):
            write(overwrite=True)
    try:
        with mdio.open(url) as old:  # nothing of it has gone yet
            np.testing.assert_array_equal(old.samples(old.schema.region), volume._samples)
        return
    except IncompleteDatasetError:
        pass
    with pytest.raises(IncompleteDatasetError):
        write()
    write(overwrite=True, resume=True)
    with mdio.open(url) as again:
        np.testing.assert_array_equal(again.samples(again.schema.region), volume._samples)
