"""What is kept of a file, where a rule with a cache answers from a directory: as proxy/cache/cached_file.py does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from edgeproxy.cli.explaining.explanation import Keeping, Kept
from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.explaining.terms import address, arm_told, header_told, verified
from edgeproxy.proxy.cache.cached_file import cache_control
from edgeproxy.proxy.plan import ServeFile
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.modifiers import Cache, KeyHeader
from edgeproxy.ruleset.quantities import written_duration, written_size

_SMALL: Final = 1 << 20  # octets of a file that is read into memory, or a share of that
_SHARE: Final = 8


def kept_of_file(
    rule: Rule,
    cache: Cache,
    request: Request,
    captures: Mapping[str, str],
    plan: ServeFile,
    arm: str | None,
    settings: CacheSettings,
) -> Kept:
    small = written_size(min(_SMALL, settings.memory // _SHARE))
    return Kept(
        of=Keeping.FILES,
        why_not=None if request.method in ("GET", "HEAD") else "a file can be read and nothing else",
        where=f"in memory, a file of at most {small}; a larger one is given from where it lies",
        key=tuple(_key(rule, cache, request, plan, arm)),
        found="; ".join(_found(rule, cache)),
        negative="looked for each time" if not cache.negative else f"for {written_duration(cache.negative)}",
        codings=tuple(coding.value for coding in cache.compress),
        heeds_clients=cache.heed_clients,
        tags=tuple(tag.expand(captures) for tag in cache.tags),
        verify=verified(cache, captures),
        only_if=None,
    )


def _key(rule: Rule, cache: Cache, request: Request, plan: ServeFile, arm: str | None) -> Iterator[str]:
    """A file is the same whatever the query, the body and the Accept of a request."""
    yield address(request, plan.path)
    for part in cache.key or ():
        if isinstance(part, KeyHeader):
            yield header_told(part, request)
    yield from arm_told(rule, cache, request, arm)


def _found(rule: Rule, cache: Cache) -> Iterator[str]:
    if cache.fresh:
        yield f"fresh {written_duration(cache.fresh)}, then the file is looked at"
    else:
        yield "the file is looked at for each request"
    if cache.fresh is not None and not _has_own_word(rule):
        yield f"clients are told {cache_control(cache, cache.fresh).decode()}"
    if cache.stale_if_error:
        yield f"{written_duration(cache.stale_if_error)} more when the file cannot be read or is wrong"


def _has_own_word(rule: Rule) -> bool:
    return any(name.lower() == "cache-control" for name, _ in rule.modifiers.rewrite.answer_headers)
