"""The least that an access manager needs of an open VDS."""

from concurrent.futures import ThreadPoolExecutor

from mdio.storage.local import LocalStore
from mdio_vds.layout import parse_layout
from mdio_vds.volume import open_source
from mdio_vds.voxels import ChunkCache
from mdio_vds.wavelet.quality import BEST_QUALITY


class Handle:
    def __init__(self, path, threads=2):
        self.source = open_source(LocalStore(str(path)))
        self.layout = parse_layout(self.source.layout_json(), self.source.url)
        self.public_layout = self.layout
        self.cache = ChunkCache()
        self.quality = BEST_QUALITY
        self.threads = threads
        self.executor = ThreadPoolExecutor(threads)
        self.closed = False
        self.flushed = 0

    def flush(self):
        self.flushed += 1

    def close(self):
        self.closed = True
        self.executor.shutdown()
        self.source.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
