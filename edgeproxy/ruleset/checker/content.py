"""Content: hosts for what users uploaded serve that and nothing else, and other hosts serve none of it.

Laws of this module:
- a content host is one that says so (`kind: content`); every other is an app host;
- a backend is an application if a rule of an app host sends it more than reads of files: a method that writes, every
  path of the host, an upgrade. What a content host's rules serve from otherwise, be it a backend or a directory, is
  a store: user bytes;
- an application may have files, too: it is told only where an app host gets paths from it that the content host gets.
  A rule that rewrites paths is taken to ask for any;
- a rule counts for a host only if a request for that host reaches it: the witness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.facets import Axis, Dimension
from edgeproxy.ruleset.checker.getting import Part, first_got, shown, undecided, ways
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.isolation import isolation
from edgeproxy.ruleset.checker.leaks import leaks
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import Files, Rule
from edgeproxy.ruleset.origins import DirectoryBackend, Host, HostKind, HttpBackend
from edgeproxy.ruleset.problems import Code, Problem, Related
from edgeproxy.ruleset.safety import SAFE_METHODS

_ANY: Final[Mapping[Axis, int]] = {}
_READS: Final = ("GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT")


def content(checking: Checking) -> Said:
    if not any(host.kind is HostKind.CONTENT for host in checking.ruleset.hosts):
        return Said()
    return Said(tuple(_Content(checking.ground).problems()))


def of_kind(rule: Rule, kind: HostKind) -> tuple[Host, ...]:
    return tuple(host for host in rule.match.hosts if host.kind is kind)


def served_from(rule: Rule) -> tuple[str | Path, ...]:
    """The names of backends and the directories that a rule's answers come from."""
    found = [way.backend for way in ways(rule) if way.part is not Part.SHADOW]
    served = [each.directory if isinstance(each, DirectoryBackend) else each.name for each in found]
    return (rule.action.directory,) if isinstance(rule.action, Files) else tuple(served)


class _Content:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        every = list(ground.territories.values())
        self._on_app = [each for each in every if of_kind(each.rule, HostKind.APP)]
        self._on_content = [each for each in every if of_kind(each.rule, HostKind.CONTENT)]
        self._app_rules: dict[str | Path, list[Territory]] = {}
        for each in self._on_app:
            for source in dict.fromkeys(served_from(each.rule)):
                self._app_rules.setdefault(source, []).append(each)
        self._apps = {name for each in self._on_app for name in _applications(each.rule)}

    def problems(self) -> Iterator[Problem]:
        for each in self._on_content:
            yield from self._decided(each, self._app_rule, "lets an application answer for a content host")
            yield from leaks(each.rule, of_kind(each.rule, HostKind.CONTENT))
        for each in self._on_app:
            yield from self._decided(each, self._user_bytes, "serves user bytes on an app host")
        yield from isolation(self._ground)

    def _decided(
        self, territory: Territory, family: Callable[[Territory], Iterator[Problem]], question: str
    ) -> Iterator[Problem]:
        try:
            yield from family(territory)
        except Unsupported as error:
            yield undecided(territory.rule, f"the rule {territory.rule.name!r} {question}", error)

    def _request(
        self,
        territory: Territory,
        kind: HostKind,
        masks: Mapping[Axis, int] = _ANY,
        paths: Language | None = None,
    ) -> Asked | None:
        hosts = self._ground.facets.of_hosts(of_kind(territory.rule, kind))
        return first_got(self._ground, territory, {Dimension.HOST: hosts, **masks}, paths)

    def _app_rule(self, territory: Territory) -> Iterator[Problem]:
        rule = territory.rule
        for app in served_from(rule):
            if isinstance(app, str) and app in self._apps:
                page = self._page(territory, app)
                if page is not None:
                    found, other = page
                    yield self._app_problem(rule, app, found, other)
                    return
        if any(isinstance(way.backend, HttpBackend) for way in ways(rule)):
            yield from self._writes(territory)

    def _page(self, territory: Territory, app: str) -> tuple[Asked, Rule] | None:
        """A request for a content host of what an app host has from the same application, and the rule that has it."""
        get: Mapping[Axis, int] = {Dimension.METHOD: self._ground.facets.methods(("GET", "HEAD"))}
        for other in self._app_rules.get(app, ()):
            paths = None
            if not (_rewrites(territory.rule) or _rewrites(other.rule)):
                if not territory.wide.overlaps(other.wide):
                    continue
                paths = territory.wide & other.wide
            if self._request(other, HostKind.APP, get, paths) is not None:
                found = self._request(territory, HostKind.CONTENT, get, paths)
                if found is not None:
                    return found, other.rule
        return None

    def _app_problem(self, rule: Rule, app: str, found: Asked, other: Rule) -> Problem:
        return Problem(
            Code.CONTENT_APP_RULE,
            rule.place,
            f"the rule {rule.name!r} lets the application {app!r} answer for a content host",
            "scripts in uploads are of one origin with its pages there: they read them, and act in their forms.",
            "serve the content host from a store of its own, or redirect such requests to the app host.",
            Related(of_kind(rule, HostKind.APP)[0].place, "this app host gets such paths by the same rule")
            if other is rule
            else Related(other.place, "an app host gets such paths from it by this rule"),
            evidence=shown(self._ground, found),
        )

    def _writes(self, territory: Territory) -> Iterator[Problem]:
        rule, facets = territory.rule, self._ground.facets
        unsafe = facets.methods(verb.method for verb in facets.verbs if verb.method not in (*_READS, *SAFE_METHODS))
        found = self._request(territory, HostKind.CONTENT, {Dimension.METHOD: unsafe})
        if found is not None:
            yield Problem(
                Code.CONTENT_APP_RULE,
                rule.place,
                f"the rule {rule.name!r} forwards requests that write, on a content host",
                "a content host serves bytes and takes none: what takes some is an application.",
                "give the rule methods: [GET, HEAD].",
                evidence=shown(self._ground, found),
            )

    def _user_bytes(self, territory: Territory) -> Iterator[Problem]:
        rule = territory.rule
        for served in served_from(rule):
            store = next((each.rule for each in self._on_content if self._shares(served, each.rule)), None)
            found = self._request(territory, HostKind.APP) if store is not None else None
            if store is not None and found is not None:
                same = Related(store.place, "this rule serves from there on a content host")
                yield Problem(
                    Code.CONTENT_ON_APP,
                    rule.place,
                    f"the rule {rule.name!r} serves what users uploaded, from {str(served)!r}, on an app host",
                    "a script in an upload runs as the application's own: it has its cookies and its storage.",
                    "redirect such requests to the content host.",
                    None if store is rule else same,
                    evidence=shown(self._ground, found),
                )
                return

    def _shares(self, served: str | Path, store: Rule) -> bool:
        if isinstance(served, str):
            return served not in self._apps and served in served_from(store)
        return any(isinstance(each, Path) and _overlap(served, each) for each in served_from(store))


def _applications(rule: Rule) -> Sequence[str]:
    """The backends that a rule of an app host shows to be applications."""
    match = rule.match
    more = (
        not match.methods.issubset(_READS)
        or not match.methods
        or bool(rule.modifiers.upgrade)
        or (not isinstance(match.path, PathRegex) and match.path.takes_every_path)
    )
    return [each for each in served_from(rule) if isinstance(each, str)] if more else ()


def _rewrites(rule: Rule) -> bool:
    return rule.modifiers.rewrite.path is not None


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
