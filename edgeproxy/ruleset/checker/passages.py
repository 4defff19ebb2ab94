"""Leads on sets of requests: which ones a lead answers, and which ones clients ask next.

Laws of this module:
- `domain` and `image` hold every request that there is, and maybe more; what makes them more is in `doubts`;
- a passage is of one path, where the lead's rule lists its paths, or of a language of them. One path is followed by
  the edge's own functions, and so are the paths of a small language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import islice
from typing import Final, Literal

from edgeproxy.ruleset.automata.captures import Captures, captured
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.images import image
from edgeproxy.ruleset.automata.language import EMPTY_TEXT, Language, outside, text, texts
from edgeproxy.ruleset.automata.normal import NORMAL_PATHS, SPELLED
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.automata.respelled import with_unknown
from edgeproxy.ruleset.checker.boxes import Box, includes, outside_all
from edgeproxy.ruleset.checker.channels import Channels, Query
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.groups import group_sources
from edgeproxy.ruleset.checker.hops import Declared, Fixed, Lead
from edgeproxy.ruleset.checker.spaces import NO_REQUESTS, Requests, Space
from edgeproxy.ruleset.checker.targets import ANYWHERE, Aim, aim_of, aim_of_lead
from edgeproxy.ruleset.checker.territory import Territory, paths_of_template
from edgeproxy.ruleset.conditions import captures_of, fulfils
from edgeproxy.ruleset.leads import asked_path
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import Redirect, RedirectMap
from edgeproxy.ruleset.template import PathTemplate, TargetTemplate

_FEW: Final = 48
_LARGE: Final = 2_000  # states; beyond, an image costs more than it tells


class Passage:
    """A lead, for one path or for all; see the head of the module."""

    def __init__(
        self,
        lead: Lead,
        territory: Territory,
        ground: Ground,
        channels: Channels,
        ports: frozenset[str],
        word: str | None,
    ) -> None:
        self.lead = lead
        self.territory = territory
        self.word = word
        self.doubts: dict[str, None] = {}
        self._rough: set[str] = set()  # captures that stand in the target twice: smaller sets only make larger automata
        self._ground = ground
        self._channels = channels
        self._ports = ports
        self.box: Box | None = channels.entered(lead, territory.box)
        self.twins: list[Passage] = []  # the same redirect, held from other rulesets: their domains are this one's, too

    def __repr__(self) -> str:
        return f"<Passage of {self.lead.by} {self.word or ''}>"

    @cached_property
    def aim(self) -> Aim | None:
        """None where it leads away from the edge."""
        aim = aim_of_lead(self.lead) if self.word is None else self._aim_of_word(self.word)
        return aim if aim is not None and (aim.port is None or aim.port in self._ports) else None

    def next_box(self, box: Box) -> Box | None:
        """After the hop, whatever the target writes into the query."""
        return None if self.aim is None else self._left(box, self.aim, self.aim.query)

    def after(self, path: str, box: Box) -> tuple[str, Box] | Literal["anywhere"] | None:
        """What clients ask next who ask for one path; None where it does not lead back to the edge."""
        if not self.lead.is_certain:
            return "anywhere"
        location = self._expanded(path)
        aim = None if location is None else aim_of(location)
        if aim is None or (aim.port is not None and aim.port not in self._ports):
            return None
        if aim.word is None:
            return "anywhere"
        after = self._left(box, aim, aim.query)
        return None if after is None else (aim.word, after)

    @property
    def prefix(self) -> str:
        return self.word if self.word is not None else self.territory.prefix

    @cached_property
    def domain(self) -> Requests:
        """What it answers: that of its rule which no earlier rule takes."""
        try:
            found = (self._entered(space) for space in self._of_rule())
            own = Requests(space for space in found if space is not None)
            return Requests((*own, *(space for each in self.twins for space in each.domain))) if self.twins else own
        except Unsupported as error:
            self.doubts[f"what {self.lead.by} answers: {error}"] = None
            assert self.box is not None
            return Requests([Space(self.box, self.territory.wide)])

    def image(self, requests: Requests) -> Requests:
        """What clients ask next. Raises Unsupported where that would take too many spaces."""
        if self._rough or sum(len(space.paths.dfa) for space in requests) > _LARGE:
            return self.whole_image
        found = self._image(requests)
        return self.whole_image if self._rough else found

    @cached_property
    def whole_image(self) -> Requests:
        """Of all that it answers: wide enough for any part of that."""
        return self._image(self.domain)

    def _image(self, requests: Requests) -> Requests:
        if self.aim is None:
            return NO_REQUESTS
        return Requests(after for space in requests for after in self._after(space))

    # -- what it answers --------------------------------------------------------------------------------------------

    def _of_rule(self) -> Requests:
        try:
            if self.word is not None:
                before = self._ground.takers(self.word, self.territory.index)
                left = outside_all(self.territory.box, (each.box for each in before))
                return Requests(Space(box, text(self.word)) for box in left)
            if self.territory.doubt is not None:
                self.doubts[self.territory.doubt] = None
            return self._ground.domain(self.territory)
        except Unsupported as error:
            self.doubts[f"what rules before {self.lead.rule.name!r} take: {error}"] = None
            return Requests([Space(self.territory.box, self.territory.wide)])

    def _entered(self, space: Space) -> Space | None:
        box = self._channels.entered(self.lead, space.box)
        if box is None:
            return None
        source = self.lead.source
        if not isinstance(source, Declared):
            return Space(box, space.paths)
        if self.word is not None:
            return Space(box, space.paths) if self._expanded(self.word) is not None else None
        if self.lead.rule.modifiers.rewrite.path is not None:  # its image says which of them
            return Space(box, space.paths) if self._is_asked(source, space, box) else None
        declared = paths_of_template(source.redirect.path, source.redirect.where)
        if declared.doubt is not None:
            self.doubts[declared.doubt] = None
        paths = outside(space.paths & declared.wide, self._declared_before(source, space.box, box))
        return None if paths.is_empty() else Space(box, paths)

    def _is_asked(self, source: Declared, space: Space, box: Box) -> bool:
        """Whether a rewritten path may be one that the declaration takes, and none before it."""
        rewritten = self.lead.rule.modifiers.rewrite.path
        assert rewritten is not None
        declared = paths_of_template(source.redirect.path, source.redirect.where)
        before = self._declared_before(source, space.box, box)
        try:
            asked = self._expand(rewritten, self._captured(self.lead.rule.match.path, space.paths))
            return any(not outside(paths & declared.wide, before).is_empty() for paths, _ in asked)
        except Unsupported as error:
            self.doubts[f"{rewritten}: {error}"] = None
            return True

    def _declared_before(self, source: Declared, asked: Box, box: Box) -> list[Language]:
        """The paths that the backend's declarations before this one surely take: the first that fits counts."""
        found: list[Language] = []
        for each in source.backend.declares.redirects:
            if each is source.redirect:
                break
            if any(unknown.of is not None for unknown in each.unknown):
                continue  # the spelling that is the author's own goes on to the next
            earlier = self._channels.entered(replace(self.lead, source=replace(source, redirect=each)), asked)
            if earlier is not None and includes(earlier, box):
                found.append(paths_of_template(each.path, each.where).sure)
        return found

    # -- where it leads ---------------------------------------------------------------------------------------------

    def _aim_of_word(self, word: str) -> Aim | None:
        location = self._expanded(word)
        return None if location is None else aim_of(location)

    def _expanded(self, path: str) -> str | None:
        """The Location for a path, without the query of the request that may follow."""
        lead, source = self.lead, self.lead.source
        captures = captures_of(lead.rule, path)
        if captures is None:
            return None
        found: str | None
        match source:
            case Redirect(to=to):
                found = to.expand(captures)
            case RedirectMap(moves=moves):
                found = moves.target(path)
            case Fixed(location=location):
                found = location
            case Declared(redirect=redirect):
                asked = asked_path(lead.rule, path, captures)
                its = redirect.path.match(asked)
                found = redirect.to.expand(its) if its is not None and fulfils(redirect.where, its) else None
        return found if found is None or lead.fixed is None else lead.fixed

    def _after(self, space: Space) -> Iterator[Space]:
        aim = self.aim
        assert aim is not None
        if aim.word is not None:
            yield from self._space(space.box, aim, text(aim.word), aim.query)
            return
        few = list(islice(space.paths.words(), _FEW + 1)) if self._may_count(space) else []
        if 0 < len(few) <= _FEW:
            yield from self._one_by_one(space.box, few)
            return
        try:
            for paths, query in self._languages(space.paths):
                yield from self._space(space.box, aim, paths, query)
        except Unsupported as error:
            self.doubts[f"the target of {self.lead.by}: {error}"] = None
            yield from self._space(space.box, aim, NORMAL_PATHS, "?")

    def _may_count(self, space: Space) -> bool:
        return self.lead.is_certain and space.paths.is_finite()

    def _one_by_one(self, box: Box, paths: list[str]) -> Iterator[Space]:
        by_query: dict[tuple[str | None, Aim], list[str]] = {}
        for path in paths:
            location = self._expanded(path)
            aim = None if location is None else aim_of(location)
            if aim is None:
                continue
            if aim.word is None:
                self.doubts[f"the Location of {self.lead.by} depends on the URL that is asked"] = None
                yield from self._space(box, aim, NORMAL_PATHS, "?")
            else:
                key = (aim.query, Aim(aim.host, aim.scheme, aim.port, "/"))
                by_query.setdefault(key, []).append(aim.word)
        for (query, aim), words in by_query.items():
            yield from self._space(box, aim, texts(words), query)

    def _languages(self, paths: Language) -> Iterator[tuple[Language, Query]]:
        """The paths that it leads to, and what it writes into the query."""
        lead, source = self.lead, self.lead.source
        if lead.fixed is not None or isinstance(source, Fixed | RedirectMap):
            self.doubts[f"the Location of {lead.by} depends on the URL that is asked"] = None
            yield NORMAL_PATHS, "?"
        elif isinstance(source, Redirect):
            yield from self._expand(source.to, self._captured(lead.rule.match.path, paths))
        else:
            redirect = source.redirect
            rewritten = lead.rule.modifiers.rewrite.path
            asked = [paths]
            if rewritten is not None:
                asked = [found for found, _ in self._expand(rewritten, self._captured(lead.rule.match.path, paths))]
            declared = paths_of_template(redirect.path, redirect.where)
            if declared.doubt is not None:
                self.doubts[declared.doubt] = None
            for each in asked:
                within = each & declared.wide
                if not within.is_empty():
                    known = captured(redirect.path, within)
                    yield from self._expand(redirect.to, tuple(with_unknown(its, redirect.unknown) for its in known))

    def _captured(self, path: PathTemplate | PathRegex, paths: Language) -> tuple[Captures, ...]:
        if isinstance(path, PathTemplate):
            return captured(path, paths)
        self.doubts[f"{path}: what its groups hold is told one by one"] = None
        return (Captures(_groups_of(path), is_exact=False),)

    def _expand(self, to: TargetTemplate, captures: tuple[Captures, ...]) -> Iterator[tuple[Language, Query]]:
        for each in captures:
            found = image(to, each)
            if not found.is_exact and each.is_exact:
                self.doubts[f"{to}: a capture that is put in more than once"] = None
                self._rough.add(to.source)
            if not found.paths.is_empty():
                yield found.paths, found.query

    def _space(self, box: Box, aim: Aim, paths: Language, query: Query) -> Iterator[Space]:
        after = self._left(box, aim, query)
        if after is not None and (aim.port is None or aim.port in self._ports):
            yield Space(after, paths)

    def _left(self, box: Box, aim: Aim, query: Query) -> Box | None:
        if aim is ANYWHERE or query == "?":
            opened = self._channels.left(self.lead, box, aim, None)
            return None if opened is None else self._channels.with_any_query(opened)
        return self._channels.left(self.lead, box, aim, query)


@lru_cache(maxsize=256)
def _groups_of(path: PathRegex) -> Mapping[str, Language]:
    sources = group_sources(path)
    found: dict[str, Language] = {}
    for name in path.captures:
        try:
            language = regex(sources[name]) & SPELLED if name in sources else SPELLED
        except Unsupported:
            language = SPELLED
        found[name] = language | EMPTY_TEXT if path.may_be_empty(name) else language
    return found
