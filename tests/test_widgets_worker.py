"""The worker behind the labs: the latest request counts, errors are told, its thread serves many."""

import threading
import time

import pytest

from vgg_lesson.widgets import worker as module
from vgg_lesson.widgets.worker import Worker


@pytest.fixture
def errors():
    return []


@pytest.fixture
def worker(errors):
    return Worker(errors.append)


def test_what_has_become_stale_is_dropped(worker):
    entered, release, done = threading.Event(), threading.Event(), []
    worker.request(lambda: (entered.set(), release.wait(30)))
    assert entered.wait(30)
    for number in range(100):
        worker.request(lambda number=number: done.append(number))
    release.set()
    worker.wait()
    assert done == [99]


def test_busy_from_the_request_to_the_end(worker):
    entered, release = threading.Event(), threading.Event()
    assert not worker.busy
    worker.wait()
    worker.request(lambda: (entered.set(), release.wait(30)))
    assert worker.busy and entered.wait(30) and worker.busy
    with pytest.raises(TimeoutError, match=r"still busy after 0\.05 s"):
        worker.wait(0.05)
    release.set()
    worker.wait()
    assert not worker.busy


def test_an_error_is_told_and_the_next_call_runs(worker, errors):
    worker.request(lambda: 1 / 0)
    worker.wait()
    done = []
    worker.request(lambda: done.append(1))
    worker.wait()
    assert [type(error) for error in errors] == [ZeroDivisionError] and done == [1]


def test_a_call_may_wait_for_its_own_worker(worker):
    done = []
    worker.request(lambda: (worker.wait(), done.append(1)))
    worker.wait(30)
    assert done == [1]


def test_one_thread_serves_many_requests_and_ends(worker, monkeypatch):
    threads = []
    for _ in range(20):
        worker.request(lambda: threads.append(threading.current_thread()))
        worker.wait()
    assert len(set(threads)) == 1 and threads[0].is_alive() and threads[0].daemon
    monkeypatch.setattr(module, "LINGER", 0.05)
    worker.request(lambda: None)
    threads[0].join(30)
    assert not threads[0].is_alive()
    worker.request(lambda: threads.append(threading.current_thread()))  # and another one takes over
    worker.wait()
    assert threads[-1] is not threads[0]


def test_requests_of_many_threads_are_not_lost(worker, monkeypatch):
    monkeypatch.setattr(module, "LINGER", 0.0)  # the thread ends again and again
    last = []

    def hand(number):
        for turn in range(200):
            worker.request(lambda turn=turn: last.append((number, turn)))
            if turn % 20 == 0:
                time.sleep(0.001)

    hands = [threading.Thread(target=hand, args=(number,)) for number in range(4)]
    for one in hands:
        one.start()
    for one in hands:
        one.join()
    worker.wait()
    assert last and last[-1][1] == 199


def test_what_may_be_useful_later_runs_last_and_nobody_waits_for_it(worker):
    entered, release, done = threading.Event(), threading.Event(), []
    worker.request(lambda: done.append("call"), then=lambda: (entered.set(), release.wait(30), done.append("then")))
    worker.wait(30)
    assert entered.wait(30) and done == ["call"] and not worker.busy
    worker.request(lambda: done.append("next"))
    assert worker.busy
    release.set()
    worker.wait()
    assert done == ["call", "then", "next"]


def test_what_may_be_useful_later_gives_way_to_a_request(worker):
    entered, release, done = threading.Event(), threading.Event(), []
    worker.request(lambda: (entered.set(), release.wait(30)), then=lambda: done.append("then"))
    assert entered.wait(30)
    worker.request(lambda: done.append("next"))
    release.set()
    worker.wait()
    assert done == ["next"]
