"""Fetching against a local server that stalls, lies, cuts off and redirects: loopback only."""

import errno
import hashlib
import os
import shutil
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from vgg_lesson import data
from vgg_lesson.cifar10 import attempt as cifar10_attempt
from vgg_lesson.cifar10 import fetch as cifar10_fetch
from vgg_lesson.cifar10.fetch import ARCHIVE, FetchError, fetch_cifar10, main

CONTENT = np.random.default_rng(0).bytes(300_000)
LENGTH = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Misbehaving(BaseHTTPRequestHandler):
    """Behaves as the path says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        getattr(self, self.path.strip("/").partition("/")[0])()

    def head(self, status=200, length=LENGTH, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()

    def hold(self):
        self.server.released.wait(20)

    def good(self):
        self.head()
        self.wfile.write(CONTENT)

    def moved(self):
        self.head(302, 0, Location="/good")

    def stalls(self):
        self.hold()

    def stalls_after_head(self):
        self.head()
        self.hold()

    def stalls_half_way(self):
        self.head()
        self.wfile.write(CONTENT[:150_000])
        self.wfile.flush()
        self.hold()

    def cuts_off(self):
        self.head()
        self.wfile.write(CONTENT[:150_000])

    def cuts_off_without_length(self):
        self.head(length=None)
        self.wfile.write(CONTENT[:150_000])

    def unavailable(self):
        self.head(503, 0)

    def not_found(self):
        self.head(404, 0)

    def wrong(self):
        self.head()
        self.wfile.write(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))

    def page(self):
        self.head(length=20)
        self.wfile.write(b"<html>sign in</html>")

    def redirects(self):
        self.head(302, 0, Location=f"/redirects/{len(self.server.asked)}")

    def redirects_away(self):
        self.head(302, 0, Location="file:///etc/passwd")

    def endless(self):
        self.head(length=None)
        for _ in range(100):
            self.wfile.write(CONTENT)

    def trickles(self):
        self.head()
        for start in range(0, len(CONTENT), 32_768):
            self.wfile.write(CONTENT[start : start + 32_768])
            self.wfile.flush()
            if self.server.released.wait(0.15):
                break

    def declares_gzip(self):
        """Calls the archive's own gzip an encoding, as some hosts do unless they are asked not to."""
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.head(Content_Encoding="gzip")
            self.wfile.write(CONTENT)
        else:
            self.good()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that leaves is what these tests are about."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(("127.0.0.1", 0), Misbehaving)
    server.asked, server.released = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch from the named behaviours in turn, into an empty folder."""

    def fetching(*paths, timeout=5.0, **keywords):
        addresses = [f"http://127.0.0.1:{server.server_port}/{path}" for path in paths]
        keywords = {"progress": False, "sha256": SHA256, "size": LENGTH, **keywords}
        return fetch_cifar10(tmp_path / "cache", addresses=addresses, timeout=timeout, **keywords)

    return fetching


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").glob("*"))


def test_the_archive_arrives_whole_and_is_asked_for_once(fetch, server, tmp_path):
    path = fetch("good")
    assert path == tmp_path / "cache" / ARCHIVE and path.read_bytes() == CONTENT
    assert fetch("good") == path
    assert server.asked == ["/good"] and files(tmp_path) == [ARCHIVE]


def test_the_archive_has_the_mode_of_any_other_new_file(fetch, tmp_path):
    (tmp_path / "other").write_text("any other file")
    assert fetch("good").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_redirect_is_followed(fetch, server):
    assert fetch("moved").read_bytes() == CONTENT
    assert server.asked == ["/moved", "/good"]


def test_gzip_declared_by_the_host_does_not_unpack_the_archive(fetch):
    assert fetch("declares_gzip").read_bytes() == CONTENT


BAD = {
    "unavailable": "answered HTTP 503",
    "not_found": "answered HTTP 404",
    "cuts_off": "cut off after 0.",
    "cuts_off_without_length": "cut off after 0.",
    "wrong": "other bytes than the official archive",
    "page": "cut off after 0.0 MB",
    "redirects": "redirects without end",
    "redirects_away": "InvalidSchema",
    "endless": "sends more than the 300,000 bytes",
    "stalls": "no answer in",
    "stalls_after_head": "no answer in",
    "stalls_half_way": "fell silent after 0.",
}


@pytest.mark.parametrize("behaviour", BAD)
def test_a_host_that_misbehaves_is_left_for_the_next(fetch, server, tmp_path, behaviour):
    timeout = 3.0 if behaviour.startswith("stalls") else 10.0
    assert fetch(behaviour, "good", timeout=timeout).read_bytes() == CONTENT
    assert server.asked[0] == f"/{behaviour}" and server.asked[-1] == "/good"
    server.released.set()
    assert files(tmp_path) == [ARCHIVE]


@pytest.mark.parametrize("behaviour", BAD)
def test_alone_it_ends_in_one_clear_line_and_leaves_nothing(fetch, tmp_path, behaviour):
    timeout = 0.5 if behaviour.startswith("stalls") else 10.0
    with pytest.raises(FetchError) as caught:
        fetch(behaviour, timeout=timeout)
    message = str(caught.value)
    assert message.startswith("CIFAR-10 was not fetched: 127.0.0.1: ") and BAD[behaviour] in message
    assert "\n" not in message and len(message) < 150
    assert files(tmp_path) == []


def test_a_host_that_accepts_and_says_nothing_is_left_in_time(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    silent = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    addresses = [f"http://127.0.0.1:{one.getsockname()[1]}/" for one in silent]
    start = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetch_cifar10(tmp_path, addresses=addresses, timeout=1.5, progress=False)
    assert time.monotonic() - start < 1.5 + 1.5  # all three together; the rest is for a busy machine
    assert str(caught.value).count("no answer") == 3
    for one in silent:
        one.close()


def test_waiting_for_a_name_cannot_hang_the_fetch(monkeypatch, tmp_path):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(20))
    start = time.monotonic()
    with pytest.raises(FetchError, match="no answer"):
        fetch_cifar10(tmp_path, addresses=["http://nowhere.invalid/"], timeout=0.5, progress=False)
    assert time.monotonic() - start < 3
    released.set()


def test_a_refused_connection_leaves_the_time_to_the_others(fetch, server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed = listening.getsockname()[1]
    address = f"http://127.0.0.1:{closed}/"
    good = f"http://127.0.0.1:{server.server_port}/good"
    kept = fetch_cifar10(tmp_path, addresses=[address, good], progress=False, sha256=SHA256, size=LENGTH)
    assert kept.read_bytes() == CONTENT
    with pytest.raises(FetchError, match="no connection"):
        fetch_cifar10(tmp_path / "new", addresses=[address], progress=False)


def test_a_trickling_host_is_left_sooner_when_there_is_another(fetch, server, monkeypatch):
    monkeypatch.setattr(cifar10_attempt, "WINDOW", 0.3)
    monkeypatch.setattr(cifar10_fetch, "SLOWEST", {"next": 1_000_000, "last": 900_000})
    with pytest.raises(FetchError, match=r"too slow, \d+\.\d kB/s"):
        fetch("trickles")
    monkeypatch.setattr(cifar10_fetch, "SLOWEST", {"next": 1_000_000, "last": 1_000})
    assert fetch("trickles", "trickles").read_bytes() == CONTENT
    assert server.asked == ["/trickles"] * 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's always full device")
def test_a_full_disk_ends_the_fetch_without_asking_other_hosts(fetch, server, tmp_path, monkeypatch):
    def on_full_device(**_):
        (tmp_path / "cache" / "full.part").write_bytes(b"")
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "cache" / "full.part")

    monkeypatch.setattr(cifar10_attempt.tempfile, "mkstemp", on_full_device)
    with pytest.raises(FetchError, match=f"cannot be written: {os.strerror(errno.ENOSPC)}"):
        fetch("good", "good")
    assert server.asked == ["/good"] and files(tmp_path) == []


def test_too_little_space_is_said_before_anything_is_fetched(fetch, server, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(FetchError, match=r"needs 0\.3 MB, and .*cache has 0\.0 MB free"):
        fetch("good")
    assert server.asked == []


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match=r"CIFAR-10 was not fetched: .*file.*cache cannot be used"):
        fetch_cifar10(tmp_path / "file" / "cache", addresses=[f"http://127.0.0.1:{server.server_port}/good"])
    assert server.asked == []


def test_a_damaged_archive_from_before_is_replaced(fetch, tmp_path):
    (tmp_path / "cache").mkdir()
    for damaged in (CONTENT[:1000], b"\0" * len(CONTENT), b""):
        (tmp_path / "cache" / ARCHIVE).write_bytes(damaged)
        assert fetch("good").read_bytes() == CONTENT


def test_a_failed_fetch_leaves_what_was_there(fetch, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ARCHIVE).write_bytes(b"older")
    with pytest.raises(FetchError):
        fetch("cuts_off")
    assert (tmp_path / "cache" / ARCHIVE).read_bytes() == b"older"


def test_parts_of_killed_downloads_are_removed_and_living_ones_kept(fetch, tmp_path):
    (tmp_path / "cache").mkdir()
    old, young = (tmp_path / "cache" / f"{ARCHIVE}{name}.part" for name in ("old", "young"))
    for part in (old, young):
        part.write_bytes(CONTENT[:1000])
    os.utime(old, (0, 0))
    fetch("good")
    assert files(tmp_path) == sorted([ARCHIVE, young.name])


def test_nothing_half_written_is_believed_by_load_data(tmp_path, monkeypatch):
    for variable in ("VGG_LESSON_DATA", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VGG_LESSON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "SKETCHES", {"train": 20, "test": 10})
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{ARCHIVE}abc.part").write_bytes(CONTENT)
    (tmp_path / "cache" / "cifar10-fetchedabc.part").write_bytes(CONTENT)
    data._stand_in.cache_clear()
    assert data.load_data().source == "sketches"
    data._stand_in.cache_clear()


def test_an_interruption_leaves_nothing(fetch, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cifar10_attempt.Progress, "show", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch("stalls_half_way")
    assert files(tmp_path) == []


def test_an_abandoned_download_stops_writing_and_never_becomes_the_archive(fetch, server, tmp_path):
    with pytest.raises(FetchError):
        fetch("stalls_half_way", timeout=0.5)
    server.released.set()
    for thread in threading.enumerate():
        if thread.name == "fetch CIFAR-10":
            thread.join(5)
            assert not thread.is_alive()
    assert files(tmp_path) == []


def test_an_abandoned_download_does_not_go_on_in_the_background(tmp_path):
    attempt = cifar10_attempt.Attempt("http://127.0.0.1/", tmp_path, LENGTH, 1.0, 1.0, 1.0)
    attempt.write(b"before")
    attempt.abandon()
    with pytest.raises(cifar10_attempt._Abandoned):  # into pooch, which then closes the connection
        attempt.write(b"after")
    attempt._file.close()


def test_progress_has_a_line_for_each_tenth(capfd):
    progress = cifar10_attempt.Progress("http://host/archive", 1000, True)
    for received in range(1, 1001):
        progress.show(received, 1.0)
    assert len(capfd.readouterr().err.splitlines()) == 11


def test_progress_is_shown_on_standard_error_only(fetch, capfd, monkeypatch):
    fetch("trickles", progress=True)
    shown = capfd.readouterr()
    assert shown.out == "" and "CIFAR-10 from 127.0.0.1: 0.2 MB of 0.3 MB" in shown.err
    assert 1 < len(shown.err.splitlines()) < 12 and "\r" not in shown.err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fetch("trickles", progress=True, sha256=SHA256)  # already there: silent
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_one_line_that_is_rewritten(fetch, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fetch("trickles", progress=True)
    shown = capfd.readouterr().err
    assert shown.count("\r") > 1 and shown.count("\n") == 1 and shown.endswith("\n")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "10", None])
def test_odd_timeouts_are_named(timeout):
    with pytest.raises(ValueError, match=f"timeout must be a positive number of seconds, received {timeout!r}"):
        fetch_cifar10(timeout=timeout)


@pytest.mark.parametrize("addresses", [[], "http://127.0.0.1/"])
def test_odd_addresses_are_named(addresses):
    with pytest.raises(ValueError, match="at least one address, received"):
        fetch_cifar10(addresses=addresses)


def test_an_address_that_is_none_is_skipped_with_the_reason(server, tmp_path):
    good = f"http://127.0.0.1:{server.server_port}/good"
    known = {"progress": False, "sha256": SHA256, "size": LENGTH}
    with pytest.raises(FetchError, match=r"not fetched: http://\[bad/x: InvalidURL"):
        fetch_cifar10(tmp_path / "cache", addresses=("http://[bad/x",), **known)
    assert fetch_cifar10(tmp_path / "cache", addresses=("http://[bad/x", good), **known).read_bytes() == CONTENT


def test_the_command_ends_in_one_line_when_no_host_answers(tmp_path, monkeypatch, capfd):
    for variable in ("VGG_LESSON_DATA", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VGG_LESSON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        defaults = {**fetch_cifar10.__kwdefaults__, "addresses": (address,)}
        monkeypatch.setattr(cifar10_fetch.fetch_cifar10, "__kwdefaults__", defaults)
        assert main(["--timeout", "0.5"]) == 1
    shown = capfd.readouterr()
    assert shown.out == "" and shown.err.startswith("CIFAR-10 was not fetched: 127.0.0.1: no answer")
    assert shown.err.count("\n") == 1
