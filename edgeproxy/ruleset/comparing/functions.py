"""What two rules of one kind make of the paths that they take: Locations, paths to ask for, tags, digests."""

from __future__ import annotations

from edgeproxy.ruleset.comparing.spelling import Spelling
from edgeproxy.ruleset.conditions import captures_of
from edgeproxy.ruleset.model import Files, Redirect, RedirectMap, Rule
from edgeproxy.ruleset.template import TargetTemplate

_Made = tuple[tuple[str, TargetTemplate | None], ...]  # what it is for, and the text


class Functions:
    """Of rules whose terms are the same."""

    def __init__(self, old: Rule, new: Rule) -> None:
        self._old, self._new = old, new
        self._made = _made(old), _made(new)

    @property
    def what(self) -> str:
        is_redirect = isinstance(self._new.action, Redirect | RedirectMap)
        return "the Location is" if is_redirect else "what is asked for, and the tags, are"

    def are_same(self, origin: str) -> bool:
        """Whether it is proved that nothing differs. `origin` is that of all requests, if they have one."""
        maps = [rule.action.moves for rule in (self._old, self._new) if isinstance(rule.action, RedirectMap)]
        if len(maps) == 1 or (len(maps) == 2 and maps[0] != maps[1]):
            return False
        old, new = self._made
        if [kind for kind, _ in old] != [kind for kind, _ in new]:
            return False
        spelling = Spelling(self._old, self._new)
        return all(
            spelling.is_same(one, other, origin if kind == "location" else "")
            for (kind, one), (_, other) in zip(old, new, strict=True)
        )

    def may_differ_at(self, path: str) -> bool:
        """False where both make the same texts. For a path that both take."""
        return self._texts(self._old, path) != self._texts(self._new, path)

    @staticmethod
    def _texts(rule: Rule, path: str) -> list[str] | None:
        captures = captures_of(rule, path)
        if captures is None:
            return None
        texts = [path if each is None else each.expand(captures) for _, each in _made(rule)]
        if isinstance(rule.action, RedirectMap):
            texts.append(rule.action.moves.target(path) or "")
        return texts


def _made(rule: Rule) -> _Made:
    action, more = rule.action, rule.modifiers
    made: list[tuple[str, TargetTemplate | None]] = []
    if isinstance(action, Redirect):
        made.append(("location", action.to))
    elif isinstance(action, Files):
        made.append(("path", action.path))
    elif not isinstance(action, RedirectMap):
        made.append(("path", more.rewrite.path))
    if more.cache is not None:
        made += (("tag", tag) for tag in sorted(more.cache.tags, key=str))
        if more.cache.verify is not None:
            digest, wanted = more.cache.verify
            made.append((digest.value, wanted))
    return tuple(made)
