"""A worker's process as its supervisor sees it: why it ended is not lost, whatever the loop hears of first."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edgeproxy.control.child import Child
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.reading import read_rules
from edgeproxy.control.start import Start
from edgeproxy.ruleset.load import Overrides

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules: [{name: hello, match: {host: app, path: "/"}, respond: {status: 200, body: hello}}]
"""


async def test_its_reason_is_read_before_its_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    rules, _ = read_rules(tmp_path / "rules.yaml", Overrides(), generation=1)
    ended = asyncio.Event()
    child = Child(
        0, lambda _: None, lambda _: ended.set(), lambda _: None, lambda *_: None, lambda _: None, lambda *_: None
    )
    child.start(Start(rules, (), access_log=tmp_path, grace=1.0, beat=1.0))
    await child.open()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  # the loop stands still
    child._on_exit()
    assert ended.is_set()
    reason = f"--access-log {tmp_path} cannot be written: Is a directory"
    assert child.how_it_ended() == f"could not start: {reason}"
    with pytest.raises(CannotRun, match=reason):
        await child.ready
