"""One sitting of real clients behind an edge that is their proxy: pip, uv, twine, a browser, and what people write by hand.

Each has secrets wherever its kind can have them, and each place its own (`PLANTED`), so that whoever finds one knows
where it came from. What a session asks for is there, but for a few pages that nobody has.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from browser_program import OPTIONS, browser_or_skip, through
from installing import NO_RETRIES
from packages import wheel
from playwright.async_api import async_playwright
from system import System

# By where it is planted. Those that are in base64 on the wire are so in a header's value.
PLANTED: Final[Mapping[str, str]] = {
    "pip: password in a URL": "pypi-AgEIcHlwaS5vcmcCJDk4YzM2ZmE0LTExZGEtNGU1",
    "pip: user agent": "ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "uv: password in a URL": "hunter2-and-more-of-uv",
    "twine: token of an upload": "pypi-AgEIcHlwaS5vcmcCJGE0YjM2ZmE0LTIyZGEtNGU2",
    "browser: cookie": "q8Zr3Vt6Yw9AbCdEfGhJ2kMn",
    "browser: header": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "browser: query": "hunter2-in-a-query",
    "browser: path": "xK3pQ9vT7wR2mZ8bN4cL6dF1",
    "browser: user agent": "AKIAIOSFODNN7EXAMPLE",
    "by hand: basic auth": "hunter2-by-hand",
    "by hand: cookie": "a9Bc8De7Fg6Hi5Jk4Lm3No2P",
    "by hand: query, escaped": "tok/en+with=odd&letters7",
    "by hand: user of a target": "hunter2-in-a-target",
    "by hand: path": "hunter2-confirms-it",
    "by hand: referer": "hunter2-came-from-there",
}


@dataclass(frozen=True)
class Sitting:
    """`proxy`: the edge's address, as a URL; `place`: an empty folder, for what clients keep."""

    proxy: str
    place: Path

    async def of_all(self) -> None:
        await self.of_pip("jinja2")
        await self.of_uv("jinja2")
        await self.of_twine("of-a-sitting")
        await self.of_pip("of-a-sitting")
        await self.of_browser()
        await self.by_hand()

    async def of_pip(self, package: str) -> None:
        """With a token in its index's URL, which it sends as basic auth, and one in its user agent."""
        index = f"http://__token__:{PLANTED['pip: password in a URL']}@pypi.test/simple/"
        target = self.place / f"pip-{package}"
        command = (sys.executable, "-m", "pip", "install", "--index-url", index, "--target", str(target), package)
        await self._run(*command, PIP_USER_AGENT_USER_DATA=PLANTED["pip: user agent"])
        assert any(target.glob("*.dist-info"))

    async def of_uv(self, package: str) -> None:
        index = f"http://user:{PLANTED['uv: password in a URL']}@pypi.test/simple/"
        target = self.place / f"uv-{package}"
        uv = str(Path(sys.executable).parent / "uv")
        await self._run(
            *(uv, "pip", "install", "--python", sys.executable, "--index-url", index, "--target", str(target), package)
        )
        assert any(target.glob("*.dist-info"))

    async def of_twine(self, name: str) -> None:
        """The site has to know the token."""
        file_name, content = wheel(name, "1.0")
        (self.place / file_name).write_bytes(content)
        token = PLANTED["twine: token of an upload"]
        await self._run(
            *(sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar"),
            *("--repository-url", "http://upload.pypi.test/legacy/", "-u", "__token__", "-p", token, file_name),
        )

    async def of_browser(self) -> None:
        """Pages as people go through them, with a cookie, a header, and a link from a mail."""
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(
                executable_path=browser_or_skip(), args=[*OPTIONS, through(self.proxy)]
            )
            context = await browser.new_context(
                user_agent=f"Mozilla/5.0 (X11; Linux x86_64) Chrome/156 key {PLANTED['browser: user agent']}",
                extra_http_headers={"Authorization": f"Bearer {PLANTED['browser: header']}"},
                http_credentials={"username": "user", "password": PLANTED["by hand: basic auth"]},
            )
            await context.add_cookies(
                [{"name": "session", "value": PLANTED["browser: cookie"], "url": "http://pypi.test/"}]
            )
            page = await context.new_page()
            for path in (
                f"/?token={PLANTED['browser: query']}",
                "/search/?q=six",
                "/project/six/",
                f"/account/reset/{PLANTED['browser: path']}/",
            ):
                await page.goto(f"http://pypi.test{path}")
            await page.goto("http://legacy.pypi.test/pypi/six")  # redirected, to the new site
            await browser.close()

    async def by_hand(self) -> None:
        """On one connection: what no client above says so."""
        basic = b64encode(f"user:{PLANTED['by hand: basic auth']}".encode()).decode()
        query = quote(PLANTED["by hand: query, escaped"], safe="")
        referer = f"http://u:{PLANTED['by hand: referer']}@pypi.test/login?api_key={PLANTED['by hand: referer']}"
        user = f"GET http://user:{PLANTED['by hand: user of a target']}@pypi.test/ HTTP/1.1"
        await self._ask(user)  # which the edge refuses
        await self._ask(
            f"GET http://pypi.test/simple/six/?a=1;to%6ben={query} HTTP/1.1",
            f"GET http://pypi.test/confirm/{PLANTED['by hand: path']}?b=2&sig={query} HTTP/1.1\nAuthorization: Basic {basic}",
            f"HEAD http://pypi.test/pypi/six/json HTTP/1.1\nCookie: a=1; sid={PLANTED['by hand: cookie']}",
            f"GET http://pypi.test/project/six/ HTTP/1.1\nReferer: {referer}",
            f"POST http://pypi.test/nowhere HTTP/1.1\nX-Api-Key: {PLANTED['by hand: cookie']}\nContent-Length: 0",
        )

    async def _ask(self, *heads: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.proxy.rsplit(":", 1)[1]))
        for number, head in enumerate(heads, 1):
            more = "Connection: close" if number == len(heads) else "Accept: */*"
            writer.write("\r\n".join([*head.split("\n"), "Host: pypi.test", more, "", ""]).encode())
        answers = await reader.read()
        writer.close()
        assert answers.count(b"HTTP/1.1 ") == len(heads), answers

    async def _run(self, *command: str, **environment: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self._environment() | environment,
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()

    def _environment(self) -> dict[str, str]:
        return System("", self.proxy, Path(os.devnull)).environment(self.place) | NO_RETRIES
