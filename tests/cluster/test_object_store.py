"""Targets in an object store, which offers neither locks nor renames: a cluster writes what one process writes."""

from __future__ import annotations

import numpy as np
import pytest
from cluster_kit import machines
from segy_bytes import grid, samples_for, segy
from servers import s3_server

pytest.importorskip("distributed")
pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
# Sockets of clusters that come and go are closed when Python collects them, in whatever test that happens.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

from mdio.api.accessor import MDIOAccessor  # noqa: E402
from mdio.api.convenience import rechunk  # noqa: E402
from mdio.convert import convert  # noqa: E402

SETTINGS = {"target_options": {"chunks": [8, 8, 32]}, "memory": 1 << 16}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with s3_server() as url:
        yield url


def test_a_bucket(server, tmp_path):
    import s3fs

    options = {"key": "canary-key", "secret": "canary-secret", "endpoint_url": server}
    bucket = s3fs.S3FileSystem(**options, skip_instance_cache=True)
    bucket.mkdir("surveys")
    inline, crossline = grid(16, 16)
    source = tmp_path / "x.sgy"
    source.write_bytes(segy({189: inline, 193: crossline}, samples_for(1, np.random.default_rng(1), 256, 64), 1))

    def objects(prefix):
        bucket.invalidate_cache()
        return {path.removeprefix(prefix): bucket.cat_file(path) for path in bucket.find(prefix)}

    with machines(tmp_path, "scheduler.json") as (address, _):
        for name, client in (("local", None), ("cluster", address)):
            url = f"s3://surveys/{name}.mdio"
            workers = 1 if client is None else None
            convert(source, url, storage_options=options, client=client, workers=workers, **SETTINGS)
            with MDIOAccessor(url, "w", storage_options=options) as accessor:
                rechunk(accessor, (1, 16, 64), "il", client=client)
    there = objects("surveys/cluster.mdio")
    assert there == objects("surveys/local.mdio")
    assert not [key for key in there if ".mdio-" in key], "neither lease nor journal is left"
    assert not [key for key, data in there.items() if b"canary" in data]
