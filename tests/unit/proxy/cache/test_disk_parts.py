"""The small parts of the disk tier: names of processes, heads, troubles, the directory's generations."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from disk_copies import NOW, key_of, stored_of

from edgeproxy.proxy.cache import trouble as trouble_module
from edgeproxy.proxy.cache.changes import transaction
from edgeproxy.proxy.cache.directory import Directory
from edgeproxy.proxy.cache.heads import Torn, read_head, write_head
from edgeproxy.proxy.cache.process_names import is_name, is_of_the_living, new_name
from edgeproxy.proxy.cache.schema import VERSION, open_index
from edgeproxy.proxy.cache.trouble import Trouble

# -- names ----------------------------------------------------------------------------------------------------------

NAMING = "from edgeproxy.proxy.cache.process_names import new_name; print(new_name(), flush=True); input()"


def test_a_name_tells_whether_its_process_lives() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", NAMING], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert is_name(name)
        assert is_of_the_living(name)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not buried yet
        assert not is_of_the_living(name)
    assert not is_of_the_living(name)


def test_names_are_never_made_twice_and_a_later_process_of_the_same_id_is_another() -> None:
    one, other = new_name(), new_name()
    assert one != other
    assert is_of_the_living(one)
    pid, start, number = one.split("-")
    assert not is_of_the_living(f"{pid}-{int(start) - 1}-{number}")


@pytest.mark.parametrize(
    "text", ["", "1-2", "1-2-3-4", "../1-2-3", "1-2-3/", "1-2-3\n", "١-2-3", "a-2-3", None, 7, b"1-2-3"]
)
def test_what_is_no_name(text: object) -> None:
    assert not is_name(text)


# -- heads ----------------------------------------------------------------------------------------------------------

STORED = replace(stored_of(b"flask", "project/flask", "caf\xe9"), purged=NOW)
BARE = replace(stored_of(b""), etag=None, last_modified=None, selecting=(), content_type="", coding="")


@pytest.mark.parametrize("stored", [STORED, BARE])
@pytest.mark.parametrize("file", [None, "1-2-3"])
def test_a_head_is_read_as_it_was_written(stored: object, file: str | None) -> None:
    assert isinstance(stored, type(STORED))
    head = write_head(key_of("/flask"), b"v" * 16, file, stored)
    assert read_head(key_of("/flask"), b"v" * 16, file, head, stored.purged) == stored


def test_a_head_is_for_one_place_alone_and_every_octet_of_it_counts() -> None:
    key, variant = key_of("/flask"), b"v" * 16
    head = write_head(key, variant, "1-2-3", STORED)
    others = [
        *[(replace(key, **{part: bytes(16)}), variant, "1-2-3", head) for part in ("path", "address", "primary")],
        *[(key, bytes(16), "1-2-3", head), (key, variant, "1-2-4", head), (key, variant, None, head)],
        *[(key, variant, "1-2-3", head[:size]) for size in range(len(head))],
        *[(key, variant, "1-2-3", head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :]) for at in range(len(head))],
    ]
    for other in others:
        with pytest.raises(Torn):
            read_head(*other, None)


# -- troubles -------------------------------------------------------------------------------------------------------


def test_what_fails_is_counted_each_time_and_told_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(trouble_module.time, "monotonic", lambda: now)
    trouble = Trouble("write to /cache")
    trouble.worked()
    trouble.failed("disk full")
    trouble.failed("disk full")
    assert capsys.readouterr().err.startswith("edgeproxy: cache: cannot write to /cache: disk full: answers come from")
    trouble.worked()
    trouble.worked()
    assert capsys.readouterr().err == "edgeproxy: cache: can write to /cache again\n"
    trouble.failed("disk full")  # by turns: that is not told each time
    trouble.worked()
    assert capsys.readouterr().err == ""
    now += 60.0
    trouble.failed("disk full")
    trouble.happened("something else")
    assert capsys.readouterr().err.count("\n") == 1
    assert trouble.count == 5


# -- generations ----------------------------------------------------------------------------------------------------


def test_of_several_that_want_a_new_generation_one_makes_it(tmp_path: Path) -> None:
    one, other = Directory(tmp_path), Directory(tmp_path)
    one.create()
    other.create()
    assert one.current() is None
    first = one.renew(None)
    assert other.renew(None) == first
    second = other.renew(first)
    assert second != first
    assert one.renew(first) == second
    assert one.current() == second
    assert one.stamp() == second.stamp


def test_an_old_generation_is_swept_and_who_has_it_open_does_no_harm(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    directory.create()
    old = directory.renew(None)
    with closing(open_index(old.index, 1.0)) as db:
        new = directory.renew(old)
        directory.sweep()
        with transaction(db):
            db.execute("INSERT INTO doomed VALUES ('1-2-3')")
        with closing(open_index(new.index, 1.0)) as other:
            assert other.execute("SELECT count(*) FROM doomed").fetchone() == (0,)
    assert {path.name for path in tmp_path.iterdir()} == {
        "arriving",
        f"current-{VERSION}",
        "lock",
        new.path.name,
        "spool",
    }


def test_a_directory_without_a_generation_gives_nothing_until_one_begins(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    directory.create()
    first = directory.renew(None)
    directory.drop()
    directory.drop()
    assert directory.current() is None
    with pytest.raises(FileNotFoundError):
        directory.stamp()
    assert directory.renew(first) != first
