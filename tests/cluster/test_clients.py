"""What is given as a cluster and is none, clusters without workers, and errors that do not travel."""

import pickle
import threading

import pytest

pytest.importorskip("distributed")

from mdio.exceptions import MDIOError
from mdio.flow.cluster import client_of, threads_of
from mdio.flow.pools import ClusterError
from mdio.flow.working import Failed


class Client:
    """As much of a client as is asked for its threads."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.waited = 0

    def nthreads(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for_workers(self, count, timeout):
        self.waited += count


class Asynchronous(Client):
    asynchronous = True

    def submit(self):
        raise AssertionError


@pytest.mark.parametrize("given", [7, object(), Asynchronous()])
def test_what_is_no_client(given):
    with pytest.raises(ClusterError, match=f"a {type(given).__name__} is no client") as caught, client_of(given):
        pass
    assert "dask.distributed.Client" in caught.value.hint


def test_workers_that_come_late_are_waited_for():
    client = Client({}, {"tcp://a:1": 4, "tcp://b:1": 2})
    assert threads_of(client) == {"tcp://a:1": 4, "tcp://b:1": 2}
    assert client.waited == 1


@pytest.mark.parametrize("error", [TimeoutError(), OSError("Timed out trying to connect"), RuntimeError("closed")])
def test_no_workers(error):
    with pytest.raises(ClusterError, match=f"has no workers: {str(error) or 'TimeoutError'}") as caught:
        threads_of(Client(error))
    assert "dask worker" in caught.value.hint


def test_errors_that_cannot_be_sent_keep_their_words():
    class Foreign(Exception):
        """Of a library that nobody else has."""

    try:
        raise Foreign("the tape is torn") from OSError(5, "drive", threading.Lock())
    except Foreign as error:
        sent = pickle.loads(pickle.dumps(Failed.of(error)))
    again = sent.error_again()
    assert type(again) is MDIOError
    assert str(again) == "Foreign: the tape is torn"
    assert isinstance(again.__cause__, MDIOError)
    assert str(again.__cause__).startswith("OSError: ")
