"""XML-RPC: calls that only read, and a client that makes some, as scripts did that watched an index (facts/pypi.md
§1.6, §2.8).

Law: nothing is called but what is in `READS`, none of which writes anything.
"""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Generator
from typing import Any, Final
from xml.parsers.expat import ExpatError

from loadtests.users import headers as say
from loadtests.users.headers import Headers, filled
from loadtests.users.steps import Ask, Heard, Step, Walk, World, Wrong

READS: Final = frozenset(
    (
        *("changelog_last_serial", "changelog_since_serial", "list_packages_with_serial", "list_packages"),
        *("package_releases", "release_urls", "release_data", "package_roles", "user_packages", "browse"),
    )
)
RETIRED: Final = -32500  # the fault of a method that is there no more, among others


class Refused(Exception):
    """A fault that says that the method is not served any more."""


def xmlrpc_client(world: World) -> Walk:
    """Looks whether anything has changed, then at a project. Where the index has retired a call, that is its end."""
    try:
        last = yield from call(world, say.XMLRPC, "xmlrpc", "changelog_last_serial")
        if not isinstance(last, int):
            raise Wrong(f"a serial is a number, not {last!r}")
        yield from call(world, say.XMLRPC, "xmlrpc", "changelog_since_serial", max(last - 20, 0))
        project = world.project()
        yield from call(world, say.XMLRPC, "xmlrpc", "package_roles", project)
        for version in (yield from call(world, say.XMLRPC, "xmlrpc", "package_releases", project))[:1]:
            yield from call(world, say.XMLRPC, "xmlrpc", "release_urls", project, version)
    except Refused:
        return


def call(
    world: World, headers: Headers, by: str, method: str, *arguments: str | int
) -> Generator[Step, Heard | None, Any]:
    """What it returns. Raises Refused; Wrong."""
    assert method in READS, f"{method} may write"
    url = f"{world.index}/pypi"
    body = xmlrpc.client.dumps(arguments, method).encode()
    heard = yield Ask(f"{by}: {method}", url, filled(headers, url), "POST", body, follows=0)
    assert heard is not None, "every question has an answer"
    return _returned(heard)


def _returned(heard: Heard) -> Any:
    try:
        values, _ = xmlrpc.client.loads(heard.content, use_builtin_types=True)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode == RETIRED and "no longer support" in fault.faultString:
            raise Refused(fault.faultString) from None
        raise Wrong(f"a fault: {fault.faultCode}: {fault.faultString[:200]}") from None
    except (ExpatError, ValueError, TypeError, LookupError, xmlrpc.client.Error) as error:
        raise Wrong(f"it is no answer to a call: {error}") from None
    return values[0] if values else None
