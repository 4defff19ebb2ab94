"""The path at which faults are planted, listed and cleared.

POST   /_faults/    {"fault": "simple/jinja2 missing", "for": "10m"}   201, the fault as it is listed
GET    /_faults/                                                       {"faults": [...]}
DELETE /_faults/    or /_faults/NUMBER                                 {"cleared": how many}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

from backends.faults.incidents import Traits
from backends.faults.language import FaultError, read_planted, read_time
from backends.faults.model import Surface, Untruth
from backends.faults.planted import LONGEST, Faults, Planted, TooMany

PATH: Final = "/_faults/"
USUALLY: Final = "10m"

_MOST_OF_BODY: Final = 4096
_NUMBER: Final = re.compile(r"/_faults/(\d{1,12})", re.ASCII)
_NO_STORE: Final = {hdrs.CACHE_CONTROL: "no-store"}


def refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n", headers=_NO_STORE)


class Admin:
    """For those whose token is known already."""

    def __init__(self, faults: Faults, traits: Traits, clock: Callable[[], float]) -> None:
        self._faults = faults
        self._traits = traits
        self._clock = clock

    def is_at(self, raw_path: str) -> bool:
        return raw_path == PATH or _NUMBER.fullmatch(raw_path) is not None

    async def answer(self, request: web.Request) -> web.Response:
        numbered = _NUMBER.fullmatch(request.rel_url.raw_path)
        match request.method:
            case "GET" | "HEAD" if numbered is None:
                now = self._clock()
                return _said(200, {"faults": [_listed(planted, now) for planted in self._faults.listed(now)]})
            case "POST" if numbered is None:
                return await self._plant(request)
            case "DELETE" if numbered is None:
                return _said(200, {"cleared": self._faults.clear_all()})
            case "DELETE" if numbered is not None:
                if self._faults.clear(int(numbered[1]), self._clock()):
                    return _said(200, {"cleared": 1})
                return refused(404, f"no fault {numbered[1]} is planted: it has ended, or was cleared")
            case _:
                return refused(405, f"{request.method} says nothing here: GET lists, POST plants, DELETE clears")

    async def _plant(self, request: web.Request) -> web.Response:
        try:
            text, lifetime = await _read(request)
            where, fault = read_planted(text)
            if isinstance(fault.effect, Untruth) and where.surface is Surface.FILES and not self._traits.has_files:
                raise FaultError("this site has no files, it redirects to them: plant it where they are described")
            now = self._clock()
            planted = self._faults.plant(where, fault, " ".join(text.split()), now + lifetime, now)
        except FaultError as error:
            return refused(400, str(error))
        except TooMany as error:
            return refused(409, str(error))
        return _said(201, _listed(planted, now))


async def _read(request: web.Request) -> tuple[str, float]:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _MOST_OF_BODY:
            raise FaultError(f"the body is longer than {_MOST_OF_BODY} octets: a fault is one line")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise FaultError("the body is not JSON: send an object with the key fault") from None
    if not isinstance(said, dict) or not set(said) <= {"fault", "for"}:
        raise FaultError("the body is not an object with the keys fault and for")
    text, lifetime = said.get("fault"), said.get("for", USUALLY)
    if not isinstance(text, str) or not isinstance(lifetime, str):
        raise FaultError("fault and for are texts, as in 'simple/jinja2 missing' and '10m'")
    return text, read_time(lifetime, LONGEST)


def _listed(planted: Planted, now: float) -> dict[str, object]:
    left = round(planted.until - now, 3)
    return {"number": planted.number, "fault": planted.text, "left": left, "hits": planted.hits}


def _said(status: int, document: object) -> web.Response:
    return web.json_response(document, status=status, headers=_NO_STORE)
