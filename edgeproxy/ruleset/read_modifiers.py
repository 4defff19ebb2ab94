"""The modifiers of a rule that stand beside its action: cache, tags, shadow, fallback, rewrite, safety, expect.

Law: what the edge answers itself is asked of nobody: a modifier of what goes to a backend is a problem there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from edgeproxy.ruleset.actions import ACTIONS
from edgeproxy.ruleset.arms import backends_of
from edgeproxy.ruleset.cases import read_case
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.ignores import Ignore, is_looked_at, looked_into, read_ignore, written_ignore
from edgeproxy.ruleset.model import Action, Forward
from edgeproxy.ruleset.modifiers import (
    Cache,
    Comparison,
    Expectation,
    Fallback,
    Modifiers,
    Rewrite,
    Safety,
    Shadow,
    Trouble,
)
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Backend, DirectoryBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal, nearest
from edgeproxy.ruleset.quantities import read_percentage
from edgeproxy.ruleset.read_cache import check_body_key, read_cache, read_tags
from edgeproxy.ruleset.read_match import Matched
from edgeproxy.ruleset.read_rewrite import asked_parts, read_rewrite
from edgeproxy.ruleset.shape import (
    FALLBACK,
    SHADOW,
    Findings,
    read_items,
    read_set,
    read_table,
    read_value,
    report_twice,
)
from edgeproxy.ruleset.values import read_choice

_OF_A_FORWARD: Final = ("shadow", "fallback", "safety")
_NOBODY: Final = "the edge answers such requests itself: it asks no backend."
_IGNORE: Final = "it is what is not compared, as in header:X-Served-By or json:/info/downloads"
_COMPARISONS: Final = tuple(each.value for each in Comparison)
_SAFETIES: Final = tuple(each.value for each in Safety)
_TROUBLES: Final = tuple(each.value for each in Trouble)


class ModifierReader:
    """Modifiers of one rule. `action` is None when it could not be read: then it is not to blame for anything."""

    def __init__(
        self, findings: Findings, backends: Declared[Backend], matched: Matched, action: Action | None
    ) -> None:
        self._findings = findings
        self._backends = backends
        self._matched = matched
        self._action = action

    def read(self, rule: Mapping[str, Node]) -> Modifiers:
        self._check_forwarded(rule)
        safety = None
        if "safety" in rule:
            safety = read_value(self._findings, rule["safety"], _read_safety, f"it is {' or '.join(_SAFETIES)}")
        return Modifiers(
            safety=safety,
            cache=self._read_cache(rule, safety),
            shadow=self._read_shadow(rule["shadow"]) if "shadow" in rule else None,
            fallback=self._read_fallback(rule["fallback"]) if "fallback" in rule else None,
            rewrite=self._read_rewrite(rule["rewrite"]) if "rewrite" in rule else Rewrite(),
            expect=self._read_expect(rule["expect"]) if "expect" in rule else (),
        )

    def _check_forwarded(self, rule: Mapping[str, Node]) -> None:
        if "forward" in rule or not any(action in rule for action in ACTIONS):
            return
        for key in _OF_A_FORWARD:
            if key in rule:
                report_not_forwarded(self._findings, rule[key].place, f"`{key}`", _NOBODY)
        if "cache" in rule and "files" not in rule:
            report_not_forwarded(self._findings, rule["cache"].place, "a `cache`", "there is nothing to keep.")
        if "rewrite" in rule:
            self._check_rewrite(rule["rewrite"])

    def _check_rewrite(self, node: Node) -> None:
        """Of a rewrite, headers of the answer may stand anywhere."""
        for key, value in asked_parts(node):
            report_not_forwarded(self._findings, value.place, f"a rewrite of `{key}`", _NOBODY)

    def _read_cache(self, rule: Mapping[str, Node], safety: Safety | None) -> Cache | None:
        path = self._matched.path
        tags = read_tags(self._findings, rule["tags"], path) if "tags" in rule else ()
        if "cache" not in rule:
            if "tags" in rule:
                self._findings.report(
                    Code.MISSING_KEY,
                    rule["tags"].place,
                    "`tags` without a `cache`",
                    "they are what kept answers are purged by.",
                    "add `cache:`, or remove them.",
                )
            return None
        cache = read_cache(self._findings, rule["cache"], path)
        if cache is None:
            return None
        if self._matched.methods is not None:
            check_body_key(self._findings, cache, safety, self._matched.methods)
        return replace(cache, tags=tuple(dict.fromkeys((*cache.tags, *tags))))

    def _read_shadow(self, node: Node) -> Shadow | None:
        findings = self._findings
        table = read_table(findings, node, SHADOW)
        if table is None:
            return None
        to = self._find_other(table["to"], "shadow") if "to" in table else None
        if isinstance(to, DirectoryBackend):
            findings.report(
                Code.CONFLICTING_VALUES,
                table["to"].place,
                f"a shadow to the backend {to.name!r}, which is a directory",
                "a shadow tries a service with real requests; files that are read have nothing to be tried.",
                "name a backend with a `url`.",
            )
        share = None
        if "percent" in table:
            share = read_value(findings, table["percent"], read_percentage, "it is a percentage")
        compare: Comparison | None = Comparison.EXACT
        if "compare" in table:
            compare = read_value(findings, table["compare"], _read_comparison, "it is how answers are compared")
        ignore = self._read_ignore(table["ignore"], compare) if "ignore" in table else ()
        return (
            None if to is None or share is None or compare is None else Shadow(to, share, compare, node.place, ignore)
        )

    def _read_ignore(self, node: Node, compare: Comparison | None) -> tuple[Ignore, ...]:
        """In file order. What the comparison never looks at is a mistake: it would seem to be left out, and is not."""
        findings = self._findings
        items = read_items(findings, node, "`ignore` is a list of what is not compared") or ()
        report_twice(findings, items, "ignore")
        found: list[Ignore] = []
        for item in items:
            ignore = read_value(findings, item, read_ignore, _IGNORE)
            if ignore is not None:
                found.append(ignore)
            if ignore is not None and compare is not None and not is_looked_at(ignore, compare):
                findings.report(
                    Code.CONFLICTING_VALUES,
                    item.place,
                    f"{written_ignore(ignore)} in a comparison by `{compare}`",
                    f"that comparison looks into {looked_into(compare)}, so that this changes nothing.",
                    "remove it, or `compare` otherwise.",
                )
        return tuple(found)

    def _read_fallback(self, node: Node) -> Fallback | None:
        table = read_table(self._findings, node, FALLBACK)
        if table is None:
            return None
        to = self._find_other(table["to"], "fallback") if "to" in table else None
        on = None
        if "on" in table:
            what = f"`on` is a list of {', '.join(_TROUBLES)} and statuses"
            on = read_set(self._findings, table["on"], _read_trouble, "trouble", what)
        if to is None or on is None:
            return None
        troubles = frozenset(each for each in on if isinstance(each, Trouble))
        return Fallback(to, troubles, frozenset(each for each in on if not isinstance(each, Trouble)), node.place)

    def _find_other(self, node: Node, what: str) -> Backend | None:
        """The backend that a text names, which is not the one that the rule forwards to anyway."""
        to = self._backends.find(self._findings, node)
        if to is None or not isinstance(self._action, Forward) or backends_of(self._action.to) != (to,):
            return to
        self._findings.report(
            Code.CONFLICTING_VALUES,
            node.place,
            f"a {what} to {to.name}, where the requests go anyway",
            "it would be asked the same twice.",
            f"name another backend, or remove the {what}.",
        )
        return None

    def _read_rewrite(self, node: Node) -> Rewrite:
        return read_rewrite(self._findings, node, self._matched.path)

    def _read_expect(self, node: Node) -> tuple[Expectation, ...]:
        items = read_items(self._findings, node, "`expect` is a list of cases: a request and what becomes of it")
        what = "it is a case, as in GET https://pypi.test/ -> forward modern"
        cases = [(read_value(self._findings, item, read_case, what), item.place) for item in items or ()]
        return tuple(Expectation(case, place) for case, place in cases if case is not None)


def report_not_forwarded(findings: Findings, place: Place, what: str, why: str) -> None:
    findings.report(
        Code.CONFLICTING_KEYS,
        place,
        f"{what} in a rule that does not forward",
        why,
        "remove it, or `forward` the requests.",
    )


def _read_safety(text: str) -> Safety:
    return Safety(read_choice(text, _SAFETIES, "whether a request may be repeated"))


def _read_comparison(text: str) -> Comparison:
    return Comparison(read_choice(text, _COMPARISONS, "a way to compare answers"))


def _read_trouble(text: str) -> Trouble | int:
    if text in _TROUBLES:
        return Trouble(text)
    if len(text) == 3 and text.isdecimal() and text.isascii() and 400 <= int(text) < 600:
        return int(text)
    raise Refusal(
        Code.BAD_CHOICE,
        f"{text!r} is nothing that a fallback stands in for",
        f"there is {', '.join(_TROUBLES)}, and the statuses 400 to 599.",
        nearest(text, _TROUBLES),
    )
