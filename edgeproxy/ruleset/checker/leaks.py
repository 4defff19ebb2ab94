"""Credentials on a content host: the edge passes none on, and lets no backend set one. A rule that does is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.ruleset.arms import CookieKey, Cutover, HeaderKey, Split
from edgeproxy.ruleset.matching import HeaderIs
from edgeproxy.ruleset.model import Forward, Respond, Rule
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.problems import Code, Problem, Related

_SET_COOKIE: Final = "set-cookie"


def leaks(rule: Rule, hosts: Sequence[Host]) -> Iterator[Problem]:
    """What the rule does with credentials on these content hosts."""
    related = Related(hosts[0].place, "this host is of kind content")
    for what, why, remedy in (*_sent(rule), *_set(rule), *_read(rule)):
        yield Problem(
            Code.CONTENT_CREDENTIALS,
            rule.place,
            f"the rule {rule.name!r} {what} on a content host",
            why,
            remedy,
            related,
        )


Leak = tuple[str, str, str]


def _sent(rule: Rule) -> Iterator[Leak]:
    for name, value in rule.modifiers.rewrite.headers:
        if name.lower() in CREDENTIAL_NAMES and value is not None:
            yield (
                f"sends {name}",
                "the edge sends it for whoever asks: every client can read what it opens.",
                "serve the content host from a store that needs none, such as one that only the edge can reach.",
            )


def _set(rule: Rule) -> Iterator[Leak]:
    headers = rule.modifiers.rewrite.answer_headers
    if isinstance(rule.action, Respond):
        headers = (*rule.action.headers, *headers)
    if any(name.lower() == _SET_COOKIE and value is not None for name, value in headers):
        yield (
            "sets a cookie",
            "scripts in uploads can read it, and set it to what they like.",
            "remove it: nothing on a content host needs to know who asks.",
        )


def _read(rule: Rule) -> Iterator[Leak]:
    to = rule.action.to if isinstance(rule.action, Forward) else None
    if not isinstance(to, Split | Cutover):
        return
    pins = to.pins if isinstance(to, Cutover) else ()
    pinned = {each.name for pin in pins for each in pin.conditions if isinstance(each, HeaderIs)}
    for name in sorted(pinned & CREDENTIAL_NAMES):
        yield (
            f"pins clients to arms of {to.name!r} by {name}",
            "clients send it to the app host and not here: one client may be on two arms.",
            "forward to a cutover without such a pin.",
        )
    for rung in to.sticky:
        if isinstance(rung, CookieKey) or (isinstance(rung, HeaderKey) and rung.name in CREDENTIAL_NAMES):
            name = f"cookie:{rung.name}" if isinstance(rung, CookieKey) else f"header:{rung.name}"
            yield (
                f"puts clients on arms of {to.name!r} by {name}",
                "clients send it to the app host and not here: one client may be on two arms.",
                "forward to a split whose sticky has no such rung.",
            )
