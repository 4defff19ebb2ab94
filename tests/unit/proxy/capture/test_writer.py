"""The writer of a capture as a process, when its worker is gone."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from edgeproxy.capture.blocks import Block, read_blocks
from edgeproxy.capture.columns import Draft
from edgeproxy.capture.settings import Settings
from edgeproxy.capture.work import Begin, Work, Write, octets_of

DRAFT = Draft(b'{"contents":[],"kinds":{},"more":{}}\n', b"\0" * 120, 3)
WITHIN = 30.0


def test_a_worker_that_dies_with_something_unread_has_its_file_ended(tmp_path: Path) -> None:
    """The kernel then says that the connection was reset, where it would say that it has ended."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-m", "edgeproxy.proxy.capture.writer", str(theirs.fileno())]
        with subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True) as writer:
            theirs.close()
            ours.settimeout(WITHIN)
            works: list[Work] = [
                Begin(Settings("20180416T150000Z", str(tmp_path), 1.0, 1 << 24, 4), 7, {}),
                Write(DRAFT),
            ]
            for piece in [piece for work in works for piece in octets_of(work)]:
                ours.sendall(piece)
            ours.recv(1, socket.MSG_PEEK)  # it is there, and that stays unread
            ours.close()
            _, said = writer.communicate(timeout=WITHIN)
    assert (writer.returncode, said) == (0, "")
    (path,) = tmp_path.iterdir()
    with path.open("rb") as file:
        blocks = list(read_blocks(file))
    assert [each.records for each in blocks if isinstance(each, Block)] == [0, 3, 0]
    assert isinstance(blocks[-1], Block)
    assert b'"end"' in blocks[-1].content
