"""One way to a store: what passes is tried again, what stays is not, and nothing lasts longer than the deadline."""

from __future__ import annotations

import errno
import pickle
import socket
import subprocess
import sys
import threading
import time

import faulty_store
import fsspec
import pytest
from faulty_store import ClientError, ClientPayloadError, ClientResponseError, faulty
from fsspec.asyn import AsyncFileSystem

from mdio.exceptions import EnvironmentFormatError, MDIONotFoundError, StorageError
from mdio.storage.access import Access, Request, deadline_in_force
from mdio.storage.failures import is_missing, is_transient, is_unreachable
from mdio.storage.remote import RemoteStore

pytestmark = pytest.mark.usefixtures("clean", "hasty")


@pytest.fixture
def store():
    return RemoteStore(faulty_store.FaultyFileSystem(), "/b/root", "faulty://b/root", deadline=5)


class Script:
    """A filesystem whose one method raises or returns what it is told, one after another."""

    protocol = "memory"

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def ask(self):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def call(self, deadline=5.0):
        return Access(self, deadline).call(Request("s3://b/x", "reading"), "ask")


def caused(error, cause):
    error.__cause__ = cause
    return error


def named(name, base=Exception, **fields):
    error = type(name, (base,), {})("said")
    for key, value in fields.items():
        setattr(error, key, value)
    return error


PASSING = [
    ClientResponseError(503), ClientResponseError(429), ClientResponseError(500), ClientResponseError(502),
    ClientResponseError(504), ClientResponseError(408), ConnectionResetError(), BrokenPipeError(), TimeoutError(),
    OSError(errno.ETIMEDOUT, "timed out"), ClientPayloadError(), named("IncompleteReadError"),
    named("ReadTimeoutError"), named("ServiceResponseError"), named("HttpError", code=503),
    named("HttpResponseError", status_code=503), caused(OSError(errno.EIO, "slow down"), ClientError(503)),
    caused(OSError(errno.EBUSY, "slow down"), ClientError(503)),
    caused(FileNotFoundError("x"), ClientResponseError(503)), caused(FileNotFoundError("x"), ClientPayloadError()),
    caused(FileNotFoundError("x"), TimeoutError()),
]  # fmt: skip
STAYING = [
    FileNotFoundError("x"), PermissionError("x"), ClientResponseError(403), ClientResponseError(404),
    ClientResponseError(401), ClientResponseError(412), ValueError("x"), TypeError("x"), OSError(errno.ENOSPC, "full"),
    caused(PermissionError("x"), ClientError(403)), caused(OSError(errno.EIO, "bad"), ClientError(400)),
    caused(FileNotFoundError("x"), ClientResponseError(404)), named("SSLCertVerificationError", OSError),
    NotADirectoryError("x"), FileExistsError("x"), NotImplementedError("x"),
]  # fmt: skip
UNREACHABLE = [
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"), socket.gaierror(-2, "unknown"),
    named("EndpointConnectionError"), named("ClientConnectorError", OSError), OSError(errno.EHOSTUNREACH, "no route"),
]  # fmt: skip


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_tried_again(error):
    script = Script(error, error, "here")
    assert script.call() == "here"
    assert script.asked == 3
    assert is_transient(error)
    assert not is_missing(error)


@pytest.mark.parametrize("error", STAYING, ids=repr)
def test_what_stays_is_not(error):
    script = Script(error)
    with pytest.raises(StorageError, match=r"^s3://b/x: "):
        script.call()
    assert script.asked == 1
    assert not is_transient(error)


@pytest.mark.parametrize("error", UNREACHABLE, ids=repr)
def test_a_server_that_never_answered_is_a_wrong_address(error):
    script = Script(error)
    with pytest.raises(StorageError):
        script.call()
    assert script.asked == 1
    assert is_unreachable(error)
    assert not is_transient(error)


@pytest.mark.parametrize("error", UNREACHABLE, ids=repr)
def test_a_server_that_answered_before_may_come_back(error):
    script = Script("here", error, error, "back")
    access = Access(script, 5.0)
    assert access.call(Request("x", "reading"), "ask") == "here"
    assert access.call(Request("x", "reading"), "ask") == "back"
    assert script.asked == 4


def test_the_deadline():
    script = Script(ClientResponseError(503))
    begun = time.monotonic()
    with pytest.raises(
        StorageError, match=r"^s3://b/x: reading failed: .*HTTP 503 Slow Down; gave up after (\d+) attempts in 0\.\d s"
    ):
        script.call(0.3)
    assert time.monotonic() - begun < 2
    assert script.asked > 3


def test_a_failure_that_turns_permanent_ends_it():
    script = Script(ClientResponseError(503), ClientResponseError(403))
    with pytest.raises(StorageError, match="HTTP 403") as caught:
        script.call()
    assert script.asked == 2
    assert "gave up" not in str(caught.value)


def test_gone_after_a_failure():
    with pytest.raises(MDIONotFoundError):
        Script(ClientResponseError(503), FileNotFoundError("x")).call()


@pytest.mark.parametrize("rate", [0.05, 0.3])
@pytest.mark.parametrize("kind", faulty_store.KINDS)
def test_objects_survive(store, kind, rate):
    with faulty(kind, rate, seed=7) as faults:
        for number in range(40):
            data = bytes([number]) * (100 + number)
            store.write(f"a/{number}", data)
            assert store.get(f"a/{number}") == data
            file = store.open(f"a/{number}")
            assert (file.size, file.read(50, 40)) == (100 + number, data[50:90])
            assert store.exists(f"a/{number}")
            assert not store.exists(f"b/{number}")
            assert store.get(f"b/{number}") is None
        assert store.is_dir("a")
        assert not store.is_dir("a/1")
        assert not store.is_dir("b")
        assert sorted(store.list("a")) == sorted((f"a/{number}", 100 + number) for number in range(40))
        store.delete("a/7")
        assert sum(1 for _ in store.list()) == 39
        store.delete()
        assert not store.exists()
    assert sum(faults.injected.values()) > 40 * rate


@pytest.mark.parametrize("method", ["exists", "is_dir", "list", "delete", "get", "open", "write"])
def test_a_store_without_breath_does_not_look_empty(method, monkeypatch):
    """fsspec answers "no" to most of these questions when it gets no answer itself."""
    short = RemoteStore(faulty_store.FaultyFileSystem(), "/b", "faulty://b", deadline=0.2)
    short.write("x/y", b"1")
    with faulty("503"), pytest.raises(StorageError, match="gave up"):
        result = getattr(short, method)(*(("x/y", b"2") if method == "write" else ("x/y",)))
        list(result) if method == "list" else None
    assert short.get("x/y") == b"1"


def test_messages_name_object_bytes_and_attempts(store):
    store.write("x", bytes(100))
    short = RemoteStore(faulty_store.FaultyFileSystem(), "/b/root", "faulty://b/root", deadline=0.2)
    file = short.open("x")
    with faulty("truncation", only=("cat_file",)), pytest.raises(StorageError) as caught:
        file.read(10, 50)
    said = str(caught.value)
    assert said.startswith(
        "faulty://b/root/x: reading at byte 10 failed: Truncated: asked for 50 bytes at byte 10, got "
    )
    assert "gave up bytes 10 to 59 after " in said
    assert "attempts" in said


def test_an_object_that_shrank_is_not_waited_for(store):
    store.write("x", bytes(100))
    file = store.open("x")
    store.write("x", bytes(30))
    begun = time.monotonic()
    with pytest.raises(StorageError, match="the object changed"):
        file.read(10, 50)
    assert time.monotonic() - begun < 1


def test_nothing_is_asked_for_behind_the_end(store):
    store.write("x", bytes(100))
    with pytest.raises(StorageError, match="ends at byte 100, bytes 90 to 109"):
        store.open("x").read(90, 20)


@pytest.mark.parametrize("kind", ["reset", "503"])
def test_creating(store, kind):
    """A lost answer does not make a writer lose what it has created itself."""
    with faulty(kind, 0.5, seed=3):
        for number in range(30):
            assert store.create(f"lock/{number}", b"mine")
            assert store.create(f"lock/{number}", b"mine")
            assert not store.create(f"lock/{number}", b"yours")
            assert store.get(f"lock/{number}") == b"mine"


class TestHanging:
    """Calls that never end by themselves."""

    def test_calls_are_left_behind(self, monkeypatch):
        short = RemoteStore(faulty_store.FaultyFileSystem(), "/b", "faulty://b", deadline=0.4)
        short.write("x", b"1")
        begun = time.monotonic()
        with faulty("delay", delay=3), pytest.raises(StorageError, match=r"no answer within .*gave up after"):
            short.get("x")
        assert time.monotonic() - begun < 2

    def test_one_attempt_that_hangs_is_followed_by_one_that_does_not(self):
        store = RemoteStore(faulty_store.FaultyFileSystem(), "/b", "faulty://b", deadline=2)
        store.write("x", b"1")
        with faulty("delay", 0.5, delay=2.5, seed=1, only=("cat_file",)) as faults:  # the first one hangs
            assert store.get("x") == b"1"
        assert faults.injected["delay", "cat_file"] >= 1

    def test_coroutines_are_cancelled(self):
        import asyncio

        ended = threading.Event()

        class Slow(AsyncFileSystem):
            protocol = "slow"
            cachable = False

            async def _cat_file(self, path, start=None, end=None, **_):
                try:
                    await asyncio.sleep(30)
                finally:
                    ended.set()

        begun = time.monotonic()
        with pytest.raises(StorageError, match="gave up after"):
            RemoteStore(Slow(), "/b", "slow://b", deadline=0.3).get("x")
        assert time.monotonic() - begun < 5
        assert ended.wait(5)


def test_a_full_store_is_named(store):
    with faulty("503", 0.0, room=150):
        store.write("a", bytes(100))
        with pytest.raises(StorageError, match=r"faulty://b/root/b: writing failed: .*No space left"):
            store.write("b", bytes(100))


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf"])
def test_deadlines_that_are_none(monkeypatch, text):
    monkeypatch.setenv("MDIO_STORE_DEADLINE", text)
    with pytest.raises(EnvironmentFormatError, match="MDIO_STORE_DEADLINE"):
        deadline_in_force()


def test_the_deadline_of_the_environment(monkeypatch):
    monkeypatch.delenv("MDIO_STORE_DEADLINE", raising=False)
    assert deadline_in_force() == 120
    monkeypatch.setenv("MDIO_STORE_DEADLINE", "2.5")
    assert deadline_in_force() == 2.5
    assert Access(fsspec.filesystem("memory")).deadline == 2.5


def test_stores_pickle(store):
    store.write("x", b"1")
    memory = RemoteStore(fsspec.filesystem("memory"), "/b/root", "memory://b/root")
    assert pickle.loads(pickle.dumps(memory)).get("x") == b"1"


def test_trying_again_is_loaded_when_it_is_needed():
    code = (
        "import sys, mdio, fsspec; from mdio.storage.remote import RemoteStore; "
        "s = RemoteStore(fsspec.filesystem('memory'), '/b', 'memory://b'); s.write('x', b'1'); s.get('x'); "
        "print('tenacity' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
