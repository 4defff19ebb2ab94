"""A store which counts the descriptions that somebody was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from packages import stored, wheel

from backends.store import Release, Store


class Counting(Store):
    told = 0

    def releases(self, *asked: Any, **named: Any) -> list[Release]:
        return self._counted(super().releases(*asked, **named))

    def bare_releases(self, *asked: Any, **named: Any) -> list[Release]:
        return self._counted(super().bare_releases(*asked, **named))

    def newest_releases(self, *asked: Any, **named: Any) -> list[Release]:
        return self._counted(super().newest_releases(*asked, **named))

    def releases_since(self, *asked: Any, **named: Any) -> Iterator[list[Release]]:
        yield from map(self._counted, super().releases_since(*asked, **named))

    def release(self, *asked: Any, **named: Any) -> Release | None:
        found = super().release(*asked, **named)
        return None if found is None else self._counted([found])[0]

    async def told_by(self, asking: AbstractAsyncContextManager[ClientResponse]) -> str:
        """An answer's text; `told` is of that answer alone."""
        self.told = 0
        async with asking as answer:
            return await answer.text()

    def _counted(self, releases: list[Release]) -> list[Release]:
        self.told += sum(bool(release.text("description")) for release in releases)
        return releases


def with_flask(directory: Path, versions: Sequence[str]) -> Counting:
    """Each release says its version in what it says."""
    counting = Counting(directory)
    for version in versions:
        said: dict[str, str | list[str]] = {
            "Summary": f"Says {version}",
            "Description": f"Long {version}",
            "Author-Email": "a@pypi.test",
            "Home-Page": f"http://home.test/{version}",
            "Classifier": ["Topic :: Internet"],
        }
        stored(counting, wheel("flask", version, said))
    return counting
