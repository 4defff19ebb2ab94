"""Writes have threads of their own: they and downloads never wait for each other."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from aiohttp.test_utils import TestClient
from old_writes import ARMIN, multipart, posted, registered, submission, upload_of
from packages import Package, sdist, zipped


async def test_what_is_written_never_waits_for_what_is_read(client: TestClient) -> None:
    """So that no number of writes can be in the way of a download."""
    done = threading.Event()
    asyncio.get_running_loop().set_default_executor(readers := ThreadPoolExecutor(1))
    reader = asyncio.get_running_loop().run_in_executor(readers, done.wait)
    try:
        async with asyncio.timeout(60):
            await registered(client)
            assert (await posted(client, upload_of(sdist("Flask", "1.0", {"Summary": "Small"}))))[0] == 200
            docs = multipart(submission(__action="doc_upload"), Package("docs.zip", zipped({"index.html": b"docs"})))
            assert (await posted(client, docs, ARMIN))[0] == 301
            assert (await posted(client, multipart(submission()), "Basic YXJtaW46d3Jvbmc="))[0] == 401
    finally:
        done.set()
    assert await reader
