"""Requests: what they deliver, how they are waited for, watched and cancelled, and what is refused."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from vds_handle import Handle

from mdio_vds.facade.access import VolumeDataAccessManager
from mdio_vds.facade.enumerations import DimensionsND, InterpolationMethod, VDSProduceStatus, VolumeDataFormat
from mdio_vds.facade.exceptions import InvalidArgument, InvalidOperation, ReadErrorException
from mdio_vds.facade.requests import VolumeDataRequest, Work

SHAPE = (37, 41, 70)
D, F, I = DimensionsND, VolumeDataFormat, InterpolationMethod  # noqa: E741


def volume():
    z, y, x = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    return (x + 3 * y + 7 * z).astype("f4")


def write(vds, path, data, fmt="R32", damage=False, **more):
    writer = vds.Writer(vds.layout_json(data.shape, [vds.channel(fmt=fmt, **more)], 32))
    chunks = vds.cut(data, 32, (0, 0), (0, 1, 2), fmt, "Zip")
    if damage:
        chunks[-1] = (chunks[-1][0], chunks[-1][1][:40])
    return writer.layer("Dimensions_012LOD0", "Zip", chunks).container(path)


@pytest.fixture(scope="module")
def handle(vds, tmp_path_factory):
    with Handle(write(vds, tmp_path_factory.mktemp("requests") / "a.vds", volume())) as opened:
        yield opened


@pytest.fixture
def manager(handle):
    return VolumeDataAccessManager(handle)


def test_a_subset(manager):
    request = manager.requestVolumeSubset((3, 2, 5), (66, 40, 36))
    assert request.data.shape == (63 * 38 * 31,)
    assert request.data.dtype == np.float32
    np.testing.assert_array_equal(request.data.reshape(31, 38, 63), volume()[5:36, 2:40, 3:66])
    assert request.isCompleted
    assert request.isCompleted() is True
    assert request.completed is True
    assert not request.isCanceled
    assert request.completionFactor == request.getCompletionFactor() == 1
    assert (request.errorCode, request.errorMessage) == (0, "")
    assert request.waitForCompletion() is True
    assert request.bufferByteSize() == request.data.nbytes
    assert request.bufferDataType() == F.Format_R32
    assert request.buffer().nbytes == request.data.nbytes
    assert repr(request.isCompleted) == "True"


@pytest.mark.parametrize("length", [2, 3, 4, 6])
def test_boxes_of_any_length(manager, length):
    got = manager.requestVolumeSubset(((1, 2, 3) + (0,) * 3)[:length], ((5, 6, 7) + (1,) * 3)[:length]).data
    expected = volume()[3 : 7 if length > 2 else None, 2:6, 1:5] if length > 2 else volume()[:1, 2:6, 1:5]
    np.testing.assert_array_equal(got, expected.ravel())


def test_formats(vds, tmp_path):
    data = np.random.default_rng(2).integers(0, 2, SHAPE, np.uint8)
    with Handle(write(vds, tmp_path / "a.vds", data, "1Bit")) as opened:
        manager = VolumeDataAccessManager(opened)
        box = ((3, 2, 5), (66, 40, 36))
        bits = manager.requestVolumeSubset(*box, format=F.Format_1Bit).data
        part = data[5:36, 2:40, 3:66].ravel()
        np.testing.assert_array_equal(bits, np.packbits(part, bitorder="little"))
        assert bits.nbytes == manager.getVolumeSubsetBufferSize(*box, format=F.Format_1Bit)
        wide = manager.requestVolumeSubset(*box, format=F.Format_U64).data
        np.testing.assert_array_equal(wide, part)
        assert wide.dtype == np.uint64
        with pytest.raises(InvalidOperation, match="Illegal format"):
            manager.requestVolumeSubset(*box, format=F.Format_Any)


def test_buffers_of_the_caller(manager):
    box = ((0, 0, 0), (4, 5, 6))
    expected = volume()[:6, :5, :4]
    shaped = np.zeros((6, 5, 4), "f4")
    assert manager.requestVolumeSubset(*box, data_out=shaped).data is shaped
    np.testing.assert_array_equal(shaped, expected)
    large = np.full(200, -1, "f4")
    manager.requestVolumeSubset(*box, data_out=large).waitForCompletion()
    np.testing.assert_array_equal(large, [*expected.ravel(), *[-1] * 80])
    strided = np.zeros((6, 5, 8), "f4")[..., ::2]
    np.testing.assert_array_equal(manager.requestVolumeSubset(*box, data_out=strided).data, expected)
    raw = np.zeros(480, "u1")
    np.testing.assert_array_equal(manager.requestVolumeSubset(*box, data_out=raw).data.view("f4"), expected.ravel())
    for wrong, message in (
        (np.zeros(119, "f4"), "too small"),
        (np.zeros(120, "f8"), "float64"),
        (np.broadcast_to(np.zeros(1, "f4"), (6, 5, 4)), "read-only"),
        (np.zeros((6, 5, 9), "f4")[..., ::2], "contiguous"),
    ):
        with pytest.raises(ValueError, match=message):
            manager.requestVolumeSubset(*box, data_out=wrong)


def test_samples_and_traces(manager):
    positions = [(10.5, 20.5, 30.5), (32.0, 32.0, 32.0), (1.25, 1.5)]
    for method in (I.Linear, I.Cubic):
        got = manager.requestVolumeSamples(positions, interpolationMethod=method).data
        # the third position lies below the first voxel's centre in z, and so in that plane
        assert got[:2].tolist() == [10 + 60 + 210, 31.5 * 11]
    assert manager.requestVolumeSamples(positions, interpolationMethod=I.Linear).data[2] == 0.75 + 3
    assert manager.requestVolumeSamples([]).data.shape == (0,)
    traces = manager.requestVolumeTraces([(0, 20.5, 30.5), (0, 3.5, 2.5)], 0).data.reshape(2, 70)
    np.testing.assert_array_equal(traces, [volume()[30, 20], volume()[2, 3]])
    assert manager.getVolumeTracesBufferSize(2, 0) == traces.nbytes
    across = manager.requestVolumeTraces([(20.5, 0, 30.5)], 1, interpolationMethod=I.Nearest).data
    np.testing.assert_array_equal(across, volume()[30, :, 20])


def test_a_projected_subset(manager):
    # z = 12.5 everywhere, seen along z
    arguments = {"voxelPlane": (0, 0, 1, -12.5), "projectedDimensions": D.Dimensions_01}
    got = manager.requestProjectedVolumeSubset((3, 4, 0), (60, 40, 37), **arguments).data
    np.testing.assert_array_equal(got.reshape(36, 57), volume()[12, 4:40, 3:60])
    assert got.nbytes == manager.getProjectedVolumeSubsetBufferSize((3, 4, 0), (60, 40, 37), D.Dimensions_01)
    for wrong in ({"voxelPlane": (1, 0, 0, 0)}, {"projectedDimensions": D.Dimensions_012}, {"voxelPlane": (0, 0, 1)}):
        with pytest.raises(InvalidArgument):
            manager.requestProjectedVolumeSubset((0, 0, 0), (4, 4, 4), **(arguments | wrong))


def test_what_there_is(manager, handle):
    assert manager.getVDSProduceStatus(D.Dimensions_012) == VDSProduceStatus.Normal
    assert manager.getVDSProduceStatus(D.Dimensions_02) == VDSProduceStatus.Remapped
    assert manager.getVDSProduceStatus(D.Dimensions_03) == VDSProduceStatus.Unavailable
    assert manager.getVDSChunkCount(D.Dimensions_012) == 3 * 2 * 2
    assert manager.getVDSChunkCount(D.Dimensions_01) == 37
    assert manager.getVolumeDataLayout() is handle.public_layout
    manager.flush()
    assert handle.flushed == 1


def test_prefetched_chunks_are_in_memory(manager, handle, monkeypatch):
    handle.cache.clear()
    request = manager.prefetchVolumeChunk(0)
    assert request.data is None
    layer = type(handle.source.layers["Dimensions_012LOD0"])
    monkeypatch.setattr(layer, "payload", lambda *_: pytest.fail("read again"))
    assert manager.requestVolumeSubset((0, 0, 0), (1, 1, 1)).data.tolist() == [0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.requestVolumeSubset((0,) * 3, (71, 1, 1)), InvalidArgument,
         "Illegal volume subset, dimension 0 min = 0, max = 71"),
        (lambda m: m.requestVolumeSubset((1, 1, 1), (2, 1, 2)), InvalidArgument, "dimension 1 min = 1, max = 1"),
        (lambda m: m.requestVolumeSubset((0,) * 7, (1,) * 7), ValueError, "7 coordinates"),
        (lambda m: m.requestVolumeSubset((0,) * 3, (1,) * 3, lod=1), InvalidOperation, "unavailable"),
        (lambda m: m.requestVolumeSubset((0,) * 3, (1,) * 3, lod=9), InvalidOperation, "LOD doesn't exist"),
        (lambda m: m.requestVolumeSubset((0,) * 3, (1,) * 3, channel=1), InvalidArgument, "ChannelCount is 1"),
        (lambda m: m.requestVolumeSubset((0,) * 3, (1,) * 3, dimensionsND=D.Dimensions_03), InvalidOperation, "group"),
        (lambda m: m.requestVolumeTraces([(0, 0, 0)], 3), InvalidArgument, "Dimension 3 is not a valid dimension"),
        (lambda m: m.requestVolumeSamples([(0, float("nan"))]), InvalidArgument, "position 0 is not a number"),
        (lambda m: m.requestVolumeSamples([(0,) * 7]), ValueError, "7 coordinates"),
        (lambda m: m.requestVolumeSamples((1.0, 2.0)), TypeError, "sequence"),
        (lambda m: m.prefetchVolumeChunk(12), InvalidArgument, "chunk doesn't exist"),
        (lambda m: m.prefetchVolumeChunk(0, channel=2), InvalidOperation, "channel doesn't exist"),
    ],
)  # fmt: skip
def test_what_is_refused(manager, call, error, message):
    with pytest.raises(error, match=message):
        call(manager)


def test_damage_fails_the_request(vds, tmp_path):
    with Handle(write(vds, tmp_path / "a.vds", volume(), damage=True)) as opened:
        manager = VolumeDataAccessManager(opened)
        request = manager.requestVolumeSubset((0, 0, 0), SHAPE[::-1])
        assert request.waitForCompletion() is False
        assert (bool(request.isCanceled), request.errorCode, request.data_out) == (True, -1, None)
        assert "a.vds" in request.errorMessage
        with pytest.raises(ReadErrorException, match=r"a\.vds"):
            _ = request.data
        assert manager.requestVolumeSubset((0, 0, 0), (32, 32, 32)).data.shape == (32**3,)


def test_a_closed_vds_refuses(vds, tmp_path):
    opened = Handle(write(vds, tmp_path / "a.vds", volume()))
    manager = VolumeDataAccessManager(opened)
    opened.close()
    with pytest.raises(InvalidOperation, match="Invalid Access Manager"):
        manager.requestVolumeSubset((0,) * 3, (1,) * 3)


def slow(jobs=4, threads=1, **more):
    """Return a request whose jobs wait for ``go``, and what belongs to it."""
    go, begun, ran = threading.Event(), threading.Event(), []

    def job():
        begun.set()
        assert go.wait(10)
        ran.append(1)

    pool = ThreadPoolExecutor(threads)
    request = VolumeDataRequest(Work(iter([job] * jobs), jobs, **more), pool, threads, data_out=np.zeros(1))
    return request, go, begun, ran, pool


def test_waiting_with_a_limit():
    request, go, _, ran, pool = slow(jobs=2)
    assert request.waitForCompletion(0.01) is False
    assert request.waitForCompletion(millisecondsBeforeTimeout=5) is False
    assert not request.isCompleted
    assert not request.isCanceled
    assert request.completionFactor == 0
    go.set()
    assert request.waitForCompletion() is True
    assert ran == [1, 1]
    pool.shutdown()


@pytest.mark.parametrize("threads", [1, 3])
def test_cancelling(threads):
    request, go, begun, ran, pool = slow(jobs=50, threads=threads)
    assert begun.wait(5)
    request.cancel()
    go.set()
    assert request.waitForCompletion() is False
    assert request.isCanceled
    assert len(ran) <= threads
    assert (request.errorCode, request.data_out, request.completionFactor) == (0, None, 0)
    with pytest.raises(ReadErrorException):
        _ = request.data
    request.cancelAndWaitForCompletion()
    pool.shutdown()


def test_closing_cancels():
    closed = []
    request, go, begun, ran, pool = slow(jobs=50, closed=lambda: bool(closed))
    assert begun.wait(5)
    closed.append(1)
    go.set()
    assert request.waitForCompletion() is False
    assert len(ran) == 1
    pool.shutdown()


def test_a_pool_that_was_shut_down_fails_the_request():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    request = VolumeDataRequest(Work(iter([lambda: None]), 1), pool)
    assert request.waitForCompletion() is False
    assert "shutdown" in request.errorMessage


def test_a_request_without_work_is_not_valid():
    request = VolumeDataRequest()
    assert request.requestID() == 0
    for call in (request.validateRequest, request.waitForCompletion, request.cancel, lambda: request.isCompleted):
        with pytest.raises(InvalidOperation, match="Invalid request object"):
            call()


def test_many_requests_share_a_pool(manager):
    requests = [manager.requestVolumeSubset((i, 0, 0), (i + 1, 41, 37)) for i in range(70)]
    assert len({request.requestID() for request in requests}) == 70
    for i, request in enumerate(requests):
        np.testing.assert_array_equal(request.data, volume()[:, :, i].ravel())


def test_signatures_are_those_of_the_api():
    wanted = {
        "requestVolumeSubset": "min max data_out dimensionsND lod channel format replacementNoValue",
        "requestProjectedVolumeSubset": "min max data_out dimensionsND lod channel voxelPlane projectedDimensions "
        "format interpolationMethod replacementNoValue",
        "requestVolumeSamples": "samplePositions data_out dimensionsND lod channel interpolationMethod "
        "replacementNoValue",
        "requestVolumeTraces": "tracePositions traceDimension data_out dimensionsND lod channel interpolationMethod "
        "replacementNoValue",
        "prefetchVolumeChunk": "chunkIndex dimensionsND lod channel",
        "getVDSChunkCount": "dimensionsND lod channel",
        "getVDSProduceStatus": "dimensionsND lod channel",
        "getVolumeSubsetBufferSize": "min max format lod channel",
        "getProjectedVolumeSubsetBufferSize": "min max projectedDimensions format lod channel",
        "getVolumeSamplesBufferSize": "sampleCount channel",
        "getVolumeTracesBufferSize": "traceCount traceDimension lod channel",
        "createVolumeDataPageAccessor": "dimensionsND lod channel maxPages accessMode chunkMetadataPageSize",
        "flush": "",
        "getVolumeDataLayout": "",
    }
    for name, parameters in wanted.items():
        signature = inspect.signature(getattr(VolumeDataAccessManager, name))
        assert list(signature.parameters)[1:] == parameters.split()
