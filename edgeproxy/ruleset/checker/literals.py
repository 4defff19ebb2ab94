"""The query parameters that redirects write out: values that the client's next request is certain to have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from edgeproxy.ruleset.conditions import parameters
from edgeproxy.ruleset.model import Redirect, RedirectMap, Respond, Ruleset
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.ruleset.template import TargetTemplate

_INSERT: Final = "\N{REPLACEMENT CHARACTER}"  # stands for a capture


def literal_parameters(rulesets: Iterable[Ruleset]) -> dict[str, set[str]]:
    """The values written for each parameter."""
    found: dict[str, set[str]] = {}
    for target in (target for ruleset in rulesets for target in _targets(ruleset)):
        if "?" in target:
            for name, value in parameters(target.partition("?")[2].partition("#")[0]).items():
                if _INSERT not in value:
                    found.setdefault(name, set()).add(value)
    return found


def _targets(ruleset: Ruleset) -> Iterator[str]:
    for rule in ruleset.rules:
        match rule.action:
            case Redirect(to=to):
                yield _written(to)
            case RedirectMap(moves=moves):
                yield from (target for _, target in moves.pairs())
            case Respond(headers=headers):
                yield from (value for name, value in headers if name.lower() == "location")
            case _:
                pass
    for backend in ruleset.backends:
        if isinstance(backend, HttpBackend):
            yield from (_written(redirect.to) for redirect in backend.declares.redirects)


def _written(target: TargetTemplate) -> str:
    return "".join(piece if isinstance(piece, str) else _INSERT for piece in target.pieces)
