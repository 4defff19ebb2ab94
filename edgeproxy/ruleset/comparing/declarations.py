"""What rules speak of by name, before and after: the same rule does something else when its backend is another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import Backend, Declarations, DirectoryBackend, HttpBackend
from edgeproxy.ruleset.quantities import written_share, written_size

_SETTINGS = ("timeouts", "tls", "health", "ejection", "circuit", "slow_start")
_OF_CUTOVERS = ("steps", "hold", "sticky", "gates", "on_fail", "pins")


@dataclass(frozen=True, slots=True)
class Redeclared:
    """`what` as in "backend legacy"."""

    what: str
    before: str
    after: str


def redeclared(old: Ruleset, new: Ruleset) -> tuple[Redeclared, ...]:
    """What both declare, and not alike. What only one declares shows where rules use it."""
    return tuple(_redeclared(old, new))


def _redeclared(old: Ruleset, new: Ruleset) -> Iterator[Redeclared]:
    kinds = [{name: host.kind for host in each.hosts for name in host.names} for each in (old, new)]
    for name in kinds[0]:
        if name in kinds[1] and kinds[0][name] is not kinds[1][name]:
            yield Redeclared(f"host {name}", kinds[0][name], kinds[1][name])
    backends = {backend.name: backend for backend in new.backends}
    for backend in old.backends:
        if backend.name in backends:
            yield from _of_backend(backend, backends[backend.name])
    yield from _of_splits(old.splits, new.splits)
    yield from _of_cutovers(old.cutovers, new.cutovers)
    before, after = _cache(old.cache), _cache(new.cache)
    if before != after:
        yield Redeclared("cache", before, after)
    if old.arm_token != new.arm_token:
        yield Redeclared("arm_token", *(str(each.arm_token or "none") for each in (old, new)))
    if old.limits != new.limits:
        yield Redeclared("limits", "others", "others")


def _of_backend(old: Backend, new: Backend) -> Iterator[Redeclared]:
    what, before, after = f"backend {old.name}", _place(old), _place(new)
    if before != after:
        yield Redeclared(what, before, after)
    if isinstance(old, HttpBackend) and isinstance(new, HttpBackend):
        nothing = Declarations()
        same = {name: getattr(old, name) for name in ("endpoints", "authority")}
        if replace(old, declares=nothing) != replace(new, declares=nothing, **same):
            names = [name for name in _SETTINGS if getattr(old, name) != getattr(new, name)]
            yield Redeclared(f"{what}: {', '.join(names)}", "others", "others")


def _place(backend: Backend) -> str:
    if isinstance(backend, DirectoryBackend):
        return str(backend.directory)
    places = [f"{each.address}{'' if each.weight == 1 else f' (weight {each.weight})'}" for each in backend.endpoints]
    return f"{', '.join(places)} as {backend.authority}"


def _cache(settings: CacheSettings) -> str:
    said = [f"memory {written_size(settings.memory)}"]
    if settings.directory is not None:
        said.append(f"disk {written_size(settings.disk)} in {settings.directory}")
    said.append(f"answers up to {written_size(settings.largest)}")
    if settings.purge_token is not None:
        said.append(f"purged by the token in {settings.purge_token}")
    return ", ".join(said)


def _of_splits(old: Sequence[Split], new: Sequence[Split]) -> Iterator[Redeclared]:
    later = {split.name: split for split in new}
    for split in old:
        other = later.get(split.name)
        if other is not None:
            before, after = _shares(split), _shares(other)
            if before != after:
                yield Redeclared(f"split {split.name}", before, after)
            elif split.sticky != other.sticky:
                yield Redeclared(f"split {split.name}: sticky", "others", "others")


def _shares(split: Split) -> str:
    return ", ".join(f"{arm.backend.name} {written_share(arm.share)} %" for arm in split.arms)


def _of_cutovers(old: Sequence[Cutover], new: Sequence[Cutover]) -> Iterator[Redeclared]:
    later = {cutover.name: cutover for cutover in new}
    for cutover in old:
        other = later.get(cutover.name)
        if other is None:
            continue
        before, after = (f"from {each.old.name} to {each.new.name}" for each in (cutover, other))
        if before != after:
            yield Redeclared(f"cutover {cutover.name}", before, after)
        names = [name for name in _OF_CUTOVERS if getattr(cutover, name) != getattr(other, name)]
        if names:
            yield Redeclared(f"cutover {cutover.name}: {', '.join(names)}", "others", "others")
