"""Captures where their directory or the workers' numbers are against them."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from capture_verbs import command, found_in_files, told
from capturing_edge import begin, capturing_edge, get

from edgeproxy.control.control_client import CannotAsk


async def test_a_directory_that_is_removed_meanwhile_is_told_and_traffic_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        await begin(control, directory)
        await asyncio.to_thread(shutil.rmtree, directory)
        for number in range(5):
            await get(edge.port, f"/{number}")
        with suppress(CannotAsk):  # by then it may have ended by itself
            await told("stop", control)
        answer = await told("status", control)
        assert (answer["running"], answer["problem"]) == (False, f"{directory}: No such file or directory")
        assert answer["written"] == 0 < answer["lost"]
        await begin(control, directory)  # it is made again
        await get(edge.port, "/after")
        await told("stop", control)
        assert [each.target for each in found_in_files(directory)] == ["/after"]


async def test_a_symlink_leads_to_where_it_is_written_and_no_further(tmp_path: Path) -> None:
    real, link, dangling = tmp_path / "real", tmp_path / "link", tmp_path / "dangling"
    real.mkdir()
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "nowhere")
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        with pytest.raises(CannotAsk, match="name another directory"):
            await begin(control, dangling)
        await begin(control, link)
        await get(edge.port, "/here")
        await told("stop", control)
        assert [each.target for each in found_in_files(real)] == ["/here"]
        assert link.is_symlink()
        (tmp_path / "file").touch()
        with pytest.raises(CannotAsk, match="name another directory"):
            await begin(control, tmp_path / "file" / "below")


async def test_captures_of_one_worker_are_other_connections(tmp_path: Path) -> None:
    """Each capture counts from 1, and so does a worker that has the process number of an earlier one."""
    directory = tmp_path / "captures"
    async with capturing_edge(tmp_path, "--workers", "1") as (edge, control):
        for number in range(3):
            await begin(control, directory)
            await get(edge.port, f"/{number}")
            await told("stop", control)
        records = found_in_files(directory)
        assert [each.target for each in records] == ["/0", "/1", "/2"]
        assert len({each.connection for each in records}) == 3
        status, out = await command("show", directory)
        assert (status, "3 exchanges of 3 connections" in out) == (0, True)
