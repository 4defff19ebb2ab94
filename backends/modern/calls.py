"""XML-RPC of the new site: what is still answered, and the fault of everything else.

Laws of this module:
- HTTP says 200 whatever becomes of a call;
- arguments are what the signature says, or the call is a fault (-32602): nothing is converted;
- what was retired faults with -32500 and says what to use instead, in words that clients print.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal, TypeAlias, assert_never

from aiohttp import web
from packaging.utils import canonicalize_name

from backends import listing
from backends.changelog import changes_after
from backends.marshalling import LARGEST_CALL, CallError, Result, Written, read_call, write_fault, write_result
from backends.modern import answers
from backends.modern.answers import Answer
from backends.modern.limiting import LIMIT
from backends.modern.older_calls import READS, WrongArguments, search
from backends.modern.visit import Visit
from backends.steps import Steps, taken

CALL_TYPE: Final = "text/xml"

_PARSE_ERROR: Final = -32700
_NO_METHOD: Final = -32601
_INVALID: Final = -32602
_APPLICATION: Final = -32500

_MOST: Final = 2**31 - 1  # an integer of XML-RPC has 32 bits
_LOG: Final = logging.getLogger(__name__)

_DOCS: Final = "https://docs.pypi.test/api/xml-rpc.html#deprecated-methods"

Kind: TypeAlias = Literal["integer", "string", "strings"]
Arguments: TypeAlias = tuple[object, ...]


class CallFault(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Method:
    answer: Callable[[Visit, Arguments], Result | Steps[Result]]
    parameters: tuple[tuple[str, Kind], ...] = ()


async def calls(request: web.Request, visit: Visit) -> Answer:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) >= LARGEST_CALL:
            return _answered(write_fault("parse error; not well formed", _PARSE_ERROR))
    limit = request.app.get(LIMIT)
    wait = limit.wait(visit.client, visit.now) if limit is not None else None
    if wait is not None:
        return _answered(write_fault(_too_many(wait), _APPLICATION))
    return _answered(await taken(replying(bytes(body), visit)))


def is_call(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == CALL_TYPE


def replying(body: bytes, visit: Visit) -> Steps[bytes]:
    try:
        name, arguments = read_call(body)
    except CallError:
        return write_fault("parse error; not well formed", _PARSE_ERROR)
    try:
        answer = _call(name, arguments, visit)
        return write_result((yield from answer) if isinstance(answer, Generator) else answer)
    except CallFault as fault:
        return write_fault(fault.text, fault.code)
    except Exception:  # noqa: BLE001  # this supervises a call: it is a fault as well
        _LOG.exception("XML-RPC %s", name)
        return write_fault("server error; the call cannot be answered at the moment", _APPLICATION)


def _answered(body: bytes) -> Answer:
    return answers.found(body, CALL_TYPE)


def _too_many(seconds: int) -> str:
    return (
        "HTTPTooManyRequests: The action could not be performed because there were too many requests by the client. "
        f"Limit may reset in {seconds} seconds."
    )


def _call(name: str, arguments: Arguments, visit: Visit) -> Result | Steps[Result]:
    era = visit.site.era
    older = READS.get(name) if era.answers_reads else None
    if name == "search" and era.answers_search:
        older = search
    if older is not None:
        try:
            return older(visit, arguments)
        except WrongArguments as error:
            raise CallFault(_APPLICATION, str(error)) from error
    if (retired := _RETIRED.get(name)) is not None:
        raise CallFault(_APPLICATION, retired.format(origin=f"{visit.scheme}://{visit.host}"))
    method = METHODS.get(name)
    if method is None:
        raise CallFault(_NO_METHOD, "server error; requested method not found")
    _check(method, arguments)
    return method.answer(visit, arguments)


def _check(method: Method, arguments: Arguments) -> None:
    for place, (name, kind) in enumerate(method.parameters):
        if place >= len(arguments):
            raise CallFault(_INVALID, f"client error; {name}: Missing required argument")
        wrong = _wrong(arguments[place], kind)
        if wrong is not None:
            raise CallFault(_INVALID, f"client error; {name}{wrong}")
    if len(arguments) > len(method.parameters):
        raise CallFault(_INVALID, f"client error; {len(method.parameters)}: Unexpected positional argument")


def _wrong(value: object, kind: Kind) -> str | None:
    match kind:
        case "integer":
            is_right = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST
            return None if is_right else ": Input should be a valid integer"
        case "string":
            return None if isinstance(value, str) else ": Input should be a valid string"
        case "strings":
            if not isinstance(value, list):
                return ": Input should be a valid list"
            places = [place for place, member in enumerate(value) if not isinstance(member, str)]
            return f".{places[0]}: Input should be a valid string" if places else None
        case _:
            assert_never(kind)


def _last_serial(visit: Visit, _arguments: Arguments) -> Result:
    return visit.store.last_serial()


def _changes_after(visit: Visit, arguments: Arguments) -> Steps[Written]:
    [serial] = arguments
    assert isinstance(serial, int)
    return changes_after(visit.store, serial)


def _serials(visit: Visit, _arguments: Arguments) -> Steps[Written]:
    every = chain.from_iterable(visit.store.project_pages())
    return listing.serials(project for project in every if project.is_listed)


def _roles(visit: Visit, arguments: Arguments) -> Result:
    return [list(role) for role in visit.store.roles(str(canonicalize_name(str(arguments[0]))))]


def _projects_of(visit: Visit, arguments: Arguments) -> Result:
    return [list(role) for role in visit.store.projects_of(str(arguments[0]), listed_only=True)]


def _browse(visit: Visit, arguments: Arguments) -> Steps[Written]:
    [wanted] = arguments
    assert isinstance(wanted, list)
    found = yield from visit.store.classified(wanted, listed_only=True)
    return (yield from listing.rows((release.project, release.version) for release in found.values()))


METHODS: Final[Mapping[str, Method]] = {
    "browse": Method(_browse, (("classifiers", "strings"),)),
    "changelog_last_serial": Method(_last_serial),
    "changelog_since_serial": Method(_changes_after, (("serial", "integer"),)),
    "list_packages_with_serial": Method(_serials),
    "package_roles": Method(_roles, (("package_name", "string"),)),
    "user_packages": Method(_projects_of, (("username", "string"),)),
}


def _no_longer(method: str, instead: str) -> str:
    return (
        f"RuntimeError: PyPI no longer supports the XMLRPC {method} method. Use {instead} instead. "
        f"See {_DOCS} for more information."
    )


_JSON: Final = "the JSON API, {origin}/pypi/<name>/json,"
_REMOVED: Final = "This API has been removed. Use {origin}/pypi/<name>/<version>/json instead."

_RETIRED: Final[Mapping[str, str]] = {
    "search": "RuntimeError: PyPI no longer supports 'pip search' (or XML-RPC search). "
    "Please use {origin}/search (via a browser) instead. See " + _DOCS + " for more information.",
    "list_packages": _no_longer("list_packages", "the Simple API, {origin}/simple/,"),
    "package_releases": _no_longer("package_releases", _JSON),
    "release_data": _no_longer("release_data", _JSON),
    "release_urls": _no_longer("release_urls", _JSON),
    "package_data": f"RuntimeError: {_REMOVED}",
    "package_urls": f"RuntimeError: {_REMOVED}",
    "top_packages": "RuntimeError: This API has been removed. Use {origin}/stats/ instead.",
    "changelog": "ValueError: The changelog method has been deprecated, use changelog_since_serial instead.",
    "system.multicall": "ValueError: MultiCall requests have been deprecated, use individual requests instead.",
}
