"""For what paths a rule asks its backends: whether some are of a template."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import NOTHING, Language, texts
from edgeproxy.ruleset.automata.paths import captured, image, path_language
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.conditions import captures_of
from edgeproxy.ruleset.leads import asked_path
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.template import PathTemplate, TargetTemplate

_TRIED: Final = 64


@dataclass(frozen=True, slots=True)
class Meeting:
    """Paths of requests for which a rule asks a backend for paths of a template. Not `is_whole`: there may be more.
    `asked` is a path that the backend is asked for, where only that is known.
    """

    paths: Language
    is_whole: bool
    asked: str | None = None


def meeting(territory: Territory, wanted: PathTemplate) -> Meeting | None:
    """None: the backend is asked for no such path. Raises Unsupported."""
    rewritten = territory.rule.modifiers.rewrite.path
    if rewritten is None:
        both = territory.wide & path_language(wanted)
        return None if both.is_empty() else Meeting(both, is_whole=True)
    return _rewritten(territory, rewritten, wanted)


def _rewritten(territory: Territory, target: TargetTemplate, wanted: PathTemplate) -> Meeting | None:
    match = territory.rule.match.path
    if isinstance(match, PathRegex):
        some = _some(territory, wanted)
        if some is None:
            raise Unsupported(f"what {match} captures, and {target} is made of, is only tried path by path")
        return some
    every = path_language(wanted)
    images = [image(target, captures) for captures in captured(match, territory.wide)]
    if all(each.paths.is_subset(every) for each in images):
        return Meeting(territory.wide, is_whole=True)
    if not any(each.paths.overlaps(every) for each in images):
        return None
    some = _some(territory, wanted)
    if some is not None:
        return some
    asked = next((path for each in images if (path := (each.certain & every).shortest()) is not None), None)
    if asked is None:
        raise Unsupported(f"the paths that {target} makes are not exactly known")
    return Meeting(NOTHING, is_whole=False, asked=asked)


def _some(territory: Territory, wanted: PathTemplate) -> Meeting | None:
    """The first paths that lead there, of those that are tried."""
    tried = [path for path in islice(territory.wide.words(), _TRIED) if _asks(territory, path, wanted)]
    return Meeting(texts(tried), is_whole=False) if tried else None


def _asks(territory: Territory, path: str, wanted: PathTemplate) -> bool:
    captures = captures_of(territory.rule, path)
    return captures is not None and wanted.match(asked_path(territory.rule, path, captures)) is not None
