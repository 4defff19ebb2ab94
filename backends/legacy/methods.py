"""The XML-RPC methods: one table, and how a call finds its way to them.

Laws of this module:
- a method finds a project by its exact name and a release by its exact version, unlike every other page;
- what a call gives is checked before the store is asked, and a wrong argument is a `CallError`;
- several calls at once take and answer hardly more than the longest of them may;
- what takes long is done in steps, and whoever else asks is answered in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final

from backends.legacy import history, projects
from backends.legacy.library import Library
from backends.marshalling import (
    Arguments,
    CallError,
    Result,
    Written,
    array_of,
    read_call,
    write_fault,
    write_result,
    written,
)
from backends.steps import Steps, at_once, timed

_LOG: Final = logging.getLogger(__name__)

SEVERAL: Final = "system.multicall"
MOST_CALLS_AT_ONCE: Final = 100  # within one
SEVERAL_PATIENCE: Final = 2.0  # seconds that they take themselves; no further call is begun after them
MOST_OF_SEVERAL: Final = 8 << 20  # characters of answers; no further call is begun after them


@dataclass(frozen=True, slots=True)
class Method:
    answer: Callable[[Library, Arguments], Result | Steps[Result]]
    least: int  # arguments
    most: int
    read_only: bool = True
    help: str = ""


def reply(body: bytes | None, library: Library) -> bytes:
    return at_once(replying(body, library))


def replying(body: bytes | None, library: Library) -> Steps[bytes]:
    """Every call is answered, with a fault if need be: the caller never sees another status than 200."""
    if body is None:
        return write_fault("AssertionError('request content way too big',)")
    try:
        name, arguments = read_call(body)
    except CallError as error:  # what cannot be read is told as Python 2 writes an exception
        return write_fault(f"{error.kind}({error.why!r},)")
    try:
        return write_result((yield from _call(name, arguments, library)))
    except CallError as error:
        return write_fault(str(error))
    except Exception as error:  # noqa: BLE001  # this supervises a call: it is a fault as well
        _LOG.exception("XML-RPC")
        return write_fault(str(CallError(type(error).__name__, "the call cannot be answered at the moment")))


def _call(name: str, arguments: Arguments, library: Library) -> Steps[Result]:
    method = METHODS.get(name)
    if method is None:
        raise CallError("Exception", f'method "{name}" is not supported')
    if not method.least <= len(arguments) <= method.most:
        expected = " to ".join(map(str, sorted({method.least, method.most})))
        raise CallError("TypeError", f"{name}() takes {expected} arguments ({len(arguments)} given)")
    answer = method.answer(library, arguments)
    return (yield from answer) if isinstance(answer, Generator) else answer


def _list_methods(_library: Library, _arguments: Arguments) -> Result:
    return sorted(METHODS)


def _help(_library: Library, arguments: Arguments) -> Result:
    method = METHODS.get(projects.text(arguments[0]))
    return "" if method is None else method.help


def _signature(_library: Library, _arguments: Arguments) -> Result:
    return "signatures not supported"


def _several(library: Library, arguments: Arguments) -> Steps[Result]:
    calls = arguments[0]
    if not isinstance(calls, list):
        raise CallError("TypeError", "the calls are given as an array")
    if len(calls) > MOST_CALLS_AT_ONCE:
        # The old application meant to say "multicall too large", by a name that it had not imported.
        raise CallError("NameError", "global name 'Fault' is not defined")
    patience, room = SEVERAL_PATIENCE, MOST_OF_SEVERAL
    found: list[Written] = []
    for call in calls:
        one, spent = yield from timed(_one_of_several(call, library, room <= 0 or patience < 0), library.clock)
        found.append(one)
        room -= sum(map(len, one.pieces))
        patience -= spent
        yield
    return array_of(found)


def _one_of_several(call: object, library: Library, is_enough: bool) -> Steps[Written]:
    try:
        if is_enough:
            raise CallError("RuntimeError", "the calls before this one asked for too much: make it by itself")
        name, given = _called(call)
        return array_of([written((yield from _call(name, given, library)))])
    except CallError as error:
        return written({"faultCode": 1, "faultString": str(error)})


def _called(call: object) -> tuple[str, Arguments]:
    if not isinstance(call, dict):
        raise CallError("TypeError", "a call is a struct of methodName and params")
    if "methodName" not in call or "params" not in call:
        raise CallError("KeyError", "'methodName'" if "methodName" not in call else "'params'")
    name, given = projects.text(call["methodName"]), call["params"]
    if not isinstance(given, list):
        raise CallError("TypeError", "the params of a call are an array")
    if name == SEVERAL:
        raise CallError("RuntimeError", f"{SEVERAL} within {SEVERAL} is forbidden: give all calls at once")
    return name, tuple(given)


def _post_cheesecake(_library: Library, _arguments: Arguments) -> Result:
    """No password is set for it here, so that every one is wrong: which the old application could not even say."""
    raise CallError("NameError", "global name 'ValuError' is not defined")


METHODS: Mapping[str, Method] = {
    "browse": Method(projects.browse, 1, 1),
    "changed_packages": Method(history.changed_packages, 1, 1, help="Fetch list of names of packages changed 'since'"),
    "changelog": Method(history.changelog, 1, 2),
    "changelog_last_serial": Method(
        history.changelog_last_serial, 0, 0, help="return the last changelog event's serial"
    ),
    "changelog_since_serial": Method(
        history.changelog_since_serial, 1, 1, help="return the changes since the nominated event serial (id)"
    ),
    "list_packages": Method(projects.list_packages, 0, 0),
    "list_packages_with_serial": Method(projects.list_packages_with_serial, 0, 0),
    "package_data": Method(projects.release_data, 2, 2),
    "package_hosting_mode": Method(
        projects.package_hosting_mode, 1, 1, help="Returns the hosting mode for a given package."
    ),
    "package_releases": Method(projects.package_releases, 1, 2),
    "package_roles": Method(projects.package_roles, 1, 1, help="Return associated users and package roles."),
    "package_urls": Method(projects.release_urls, 2, 2),
    "post_cheesecake_for_release": Method(_post_cheesecake, 4, 4, read_only=False),
    "release_data": Method(projects.release_data, 2, 2),
    "release_downloads": Method(projects.release_downloads, 2, 2, help="Return download count for given release."),
    "release_urls": Method(projects.release_urls, 2, 2),
    "search": Method(projects.search, 1, 2),
    "system.listMethods": Method(_list_methods, 0, 0),
    "system.methodHelp": Method(_help, 1, 1),
    "system.methodSignature": Method(_signature, 1, 1),
    SEVERAL: Method(_several, 1, 1),
    "top_packages": Method(projects.top_packages, 0, 1),
    "updated_releases": Method(history.updated_releases, 1, 1),
    "user_packages": Method(projects.user_packages, 1, 1, help="Return associated packages for user."),
}
