"""From a URL path to an open file, and to nothing outside the directory."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeproxy.http.selection import Representation
from edgeproxy.proxy.files import NotAFile, OpenFile, open_file

WHEEL = b"PK\x03\x04 the content of a wheel"
NOBODY = 65_534


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def store(tmp_path):
    """A directory of packages with something outside it; no descriptor may be left at the end."""
    before = descriptors()
    directory = tmp_path / "store"
    (directory / "packages" / "aa").mkdir(parents=True)
    (directory / "packages" / "aa" / "flask-1.0.whl").write_bytes(WHEEL)
    (tmp_path / "secret").write_bytes(b"outside")
    (tmp_path / "store-of-others").mkdir()
    (tmp_path / "store-of-others" / "secret").write_bytes(b"outside")
    yield directory
    assert descriptors() == before


def content(found: OpenFile | NotAFile) -> bytes:
    assert isinstance(found, OpenFile)
    try:
        return os.pread(found.fd, found.size + 1, 0)
    finally:
        found.close()


def etag(directory: Path, path: str) -> str:
    found = open_file(directory, path)
    assert isinstance(found, OpenFile)
    found.close()
    return str(found.representation.etag)


def test_a_file_is_opened_with_what_an_answer_needs(store):
    path = store / "packages" / "aa" / "flask-1.0.whl"
    os.utime(path, ns=(0, 1_523_890_800_123_456_789))
    found = open_file(store, "/packages/aa/flask-1.0.whl")
    assert isinstance(found, OpenFile)
    assert (found.size, found.mtime_ns) == (len(WHEEL), 1_523_890_800_123_456_789)
    assert found.content_type == "application/octet-stream"
    assert found.representation == Representation(
        found.size, found.representation.etag, 1_523_890_800, "application/octet-stream"
    )
    assert not os.get_inheritable(found.fd)
    assert content(found) == WHEEL


def test_closing_twice_closes_once(store):
    found = open_file(store, "/packages/aa/flask-1.0.whl")
    assert isinstance(found, OpenFile)
    found.close()
    with socket.socket() as next_to_get_the_descriptor:
        found.close()
        assert stat.S_ISSOCK(os.fstat(next_to_get_the_descriptor.fileno()).st_mode)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b+c.whl", "/a%20b+c.whl"),
        ("100%.txt", "/100%25.txt"),
        ("größe.txt", "/gr%C3%B6%C3%9Fe.txt"),
        ("%2e%2e", "/%252e%252e"),  # decoded once, and only once
        ("..hidden", "/..hidden"),
    ],
)
def test_escapes_are_decoded(store, name, path):
    (store / name).write_bytes(WHEEL)
    assert content(open_file(store, path)) == WHEEL


@pytest.mark.parametrize(
    "path",
    [
        "/packages/aa/flask-1.1.whl",
        "/packages/bb/flask-1.0.whl",
        "/packages/aa/flask-1.0.whl/metadata",  # below a file
        "/packages/aa/flask-1.0.whl/",
        "/packages//aa/flask-1.0.whl",  # a file has one URL
        "/packages/./aa/flask-1.0.whl",
        "//packages/aa/flask-1.0.whl",
        "/packages/aa/",
        "/",
        "",
        "packages/aa/flask-1.0.whl",
        "/packages/aa/flask-1.0.whl%00",
        "/" + "a" * 300,
        "/a" * 5_000,
    ],
)
def test_a_path_that_names_nothing_is_missing(store, path):
    assert open_file(store, path) is NotAFile.MISSING


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/packages/../../secret",
        "/..",
        "/%2e%2e/secret",
        "/packages/%2E%2E/%2E%2E/secret",
        "/..%2Fsecret",
        "/%2Fetc%2Fpasswd",
        "/packages%2Faa%2Fflask-1.0.whl",
        "/packages/../packages/aa/flask-1.0.whl",
    ],
)
def test_a_path_that_could_leave_the_directory_is_refused_unseen(store, path):
    assert open_file(store, path) is NotAFile.OUTSIDE


@pytest.mark.parametrize("target", ["../secret", "../store-of-others/secret", "packages/../../secret", "{tmp}/secret"])
def test_a_link_out_of_the_directory_is_not_followed(store, target):
    (store / "link").symlink_to(target.format(tmp=store.parent))
    assert open_file(store, "/link") is NotAFile.OUTSIDE


def test_a_linked_directory_outside_is_outside(store):
    (store / "others").symlink_to(store.parent / "store-of-others")
    assert open_file(store, "/others/secret") is NotAFile.OUTSIDE


@pytest.mark.parametrize("target", ["packages/aa/flask-1.0.whl", "{store}/packages/aa/flask-1.0.whl"])
def test_a_link_that_stays_inside_is_followed(store, target):
    (store / "latest.whl").symlink_to(target.format(store=store))
    assert content(open_file(store, "/latest.whl")) == WHEEL


def test_a_link_to_itself_or_to_nothing_is_missing(store):
    (store / "loop").symlink_to("loop")
    (store / "dangling").symlink_to("nothing")
    assert open_file(store, "/loop") is NotAFile.MISSING
    assert open_file(store, "/dangling") is NotAFile.MISSING


def test_the_directory_itself_may_be_a_link_and_change_its_target(store, tmp_path):
    current = tmp_path / "current"
    current.symlink_to("store")
    assert content(open_file(current, "/packages/aa/flask-1.0.whl")) == WHEEL
    current.unlink()
    current.symlink_to("store-of-others")
    assert content(open_file(current, "/secret")) == b"outside"


def test_the_root_of_the_file_system_can_be_the_directory(store):
    assert content(open_file(Path("/"), f"{store}/packages/aa/flask-1.0.whl")) == WHEEL


def test_directories_and_everything_that_is_not_a_file_are_not_opened(store):
    os.mkfifo(store / "fifo")
    (store / "terminal").symlink_to("/dev/tty")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(store / "socket"))
        assert open_file(store, "/socket") is NotAFile.NOT_REGULAR
    assert open_file(store, "/packages") is NotAFile.NOT_REGULAR
    assert open_file(store, "/fifo") is NotAFile.NOT_REGULAR
    assert open_file(store, "/terminal") is NotAFile.OUTSIDE
    assert open_file(Path("/dev"), "/null") is NotAFile.NOT_REGULAR


@contextmanager
def nobody() -> Iterator[None]:
    """Who is root may read everything, and is somebody else meanwhile."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_file_without_permission_is_unreadable(store, monkeypatch):
    (store / "packages" / "aa" / "flask-1.1.whl").write_bytes(WHEEL)
    (store / "packages" / "aa" / "flask-1.0.whl").chmod(0)
    monkeypatch.chdir(store)  # the directories above it are open to their owner alone
    with nobody():
        assert open_file(Path(), "/packages/aa/flask-1.0.whl") is NotAFile.UNREADABLE
        assert content(open_file(Path(), "/packages/aa/flask-1.1.whl")) == WHEEL


def test_a_directory_that_cannot_be_reached_is_an_error_and_no_missing_file(store):
    with pytest.raises(FileNotFoundError):
        open_file(store / "unmounted", "/packages/aa/flask-1.0.whl")


def test_the_tag_is_the_same_until_the_file_changes(store):
    assert etag(store, "/packages/aa/flask-1.0.whl") == etag(store, "/packages/aa/flask-1.0.whl")


@pytest.mark.parametrize(("nanoseconds", "size"), [(1, len(WHEEL)), (0, len(WHEEL) - 1)])
def test_overwriting_within_the_same_second_changes_the_tag(store, nanoseconds, size):
    path, second = store / "packages" / "aa" / "flask-1.0.whl", 1_523_890_800 * 10**9
    os.utime(path, ns=(second, second))
    before = etag(store, "/packages/aa/flask-1.0.whl")
    path.write_bytes(WHEEL[:size])
    os.utime(path, ns=(second + nanoseconds, second + nanoseconds))
    assert etag(store, "/packages/aa/flask-1.0.whl") != before


def test_the_tag_is_strong(store):
    assert etag(store, "/packages/aa/flask-1.0.whl").startswith('"')


def test_a_file_that_is_replaced_while_open_stays_what_it_was(store):
    path = store / "packages" / "aa" / "flask-1.0.whl"
    found = open_file(store, "/packages/aa/flask-1.0.whl")
    (store / "aside").write_bytes(b"another wheel")
    (store / "aside").rename(path)
    assert content(found) == WHEEL
