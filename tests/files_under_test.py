"""An edge that keeps answers over directories of files."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path

from harness import Answer
from site_under_test import Keeping, Time, at_a_time

from edgeproxy.caching.purging import Purge
from edgeproxy.proxy.cache.purges import carry_out

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"{tls}}}]
hosts: {{app: {{names: [pypi.test]}}, content: {{names: [files.pypihosted.test], kind: content}}}}
backends: {{store: {{directory: ./files}}}}
cache: {settings}
rules:
  - {{name: by-digest, match: {{host: content, path: "/sha256/{{digest}}/{{file}}"}}, forward: {{backend: store}}, cache: {{fresh: 365d, immutable: true, stale_if_error: 1d, verify: {{sha256: "{{digest}}"}}}}}}
  - {{name: other, match: {{host: app, path: "/both.txt", headers: {{X-Other: {{present: true}}}}}}, files: {{directory: ./other}}, cache: {{fresh: 1m}}}}
  - {{name: kept, match: {{host: app, path: "/{{name}}"}}, files: {{directory: ./pages}}, cache: {cache}, tags: ["page/{{name}}"]}}
"""
CONTENT = "files.pypihosted.test"
LONG_AGO = 1_500_000_000  # when the files of these tests were last changed
SMALL, MIDDLE, LARGE = 1_000, 400_000, 3_000_000  # read on the loop; by a thread; left where it is


@dataclass
class Files(Keeping):
    base: Path

    async def get(self, target: str = "/page.txt", *lines: str, method: str = "GET", host: str = "pypi.test") -> Answer:
        return await super().get(target, *lines, method=method, host=host)

    def write(self, content: bytes, name: str = "pages/page.txt", changed: float = LONG_AGO) -> Path:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (changed, changed))
        return path

    def purge(self, purges: tuple[Purge, ...]) -> None:
        carry_out(purges, self.keeper.purges, None)

    @property
    def copies(self) -> int:
        return self.keeper.memory.count


@asynccontextmanager
async def files(base: Path, cache: str = "{fresh: 1m}", settings: str = "{}", tls: str = "") -> AsyncIterator[Files]:
    """`cache`: the block of the rule for pages; `settings`: where answers are kept; `tls`: more of the address."""
    for name in ("files", "pages", "other"):
        (base / name).mkdir(exist_ok=True)
    time = Time()
    async with at_a_time(RULES.format(cache=cache, settings=settings, tls=tls), time, base=base) as edge:
        yield Files(edge, time, base)


def content_of(size: int, seed: str = "a") -> bytes:
    """Octets that are the same in no two places."""
    return b"".join(blake2b(f"{seed}{place}".encode()).digest() for place in range(size // 64 + 1))[:size]


def by_digest(content: bytes, name: str = "file.bin") -> str:
    return f"/sha256/{sha256(content).hexdigest()}/{name}"
