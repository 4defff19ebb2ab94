"""Path templates, which match and capture, and target templates, which put captures into a path or URL.

Laws of this module:
- a path template is written, matched and captured in the normalised, percent-encoded spelling of paths;
- a target's scheme and host are its author's, never a client's: no capture can stand in them, and the expansion of
  a target that is a path begins with exactly one slash, whatever the captures hold. Further leading slashes are
  dropped, for a client takes `//name/` for a host (RFC 3986 §4.2) and a browser `/\\name/` too;
- no capture makes a dot segment, so no expansion has fewer segments than were written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgeproxy.ruleset.filters import Filter, filtered
from edgeproxy.ruleset.segment import (
    Affixed,
    Expression,
    Mixed,
    Segment,
    Whole,
    capture,
    capture_names,
    may_be_empty,
    nameless,
    tester,
)


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A compiled match template. `rest` names the capture of what follows the last segment, if there is one."""

    source: str
    segments: tuple[Segment, ...]
    rest: str | None
    # PERF: made ready for `capture`, which is on the way of every request: 0.5 us instead of 1.4 us for four captures.
    _entire: tuple[tuple[str, int], ...] = field(compare=False, repr=False)  # captures that are a segment, by position
    _partial: tuple[tuple[Segment, int], ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, source: str, segments: Sequence[Segment], rest: str | None) -> PathTemplate:
        places = tuple(enumerate(segments, 1))
        entire = tuple((each.name, at) for at, each in places if isinstance(each, Whole | Expression))
        partial = tuple((each, at) for at, each in places if isinstance(each, Affixed | Mixed))
        return cls(source, tuple(segments), rest, entire, partial)

    def __str__(self) -> str:
        return self.source

    @property
    def captures(self) -> tuple[str, ...]:
        """The names of the captures, in order."""
        own = tuple(name for segment in self.segments for name in capture_names(segment))
        return own if self.rest is None else (*own, self.rest)

    @property
    def shape(self) -> tuple[tuple[Segment, ...], bool]:
        """Equal for templates that differ in nothing but the names of their captures."""
        return tuple(map(nameless, self.segments)), self.rest is not None

    @property
    def takes_every_path(self) -> bool:
        return not self.segments and self.rest is not None

    def may_be_empty(self, name: str) -> bool:
        return name == self.rest or any(may_be_empty(segment, name) for segment in self.segments)

    def may_hold_slashes(self, name: str) -> bool:
        return name == self.rest

    def match(self, path: str) -> dict[str, str] | None:
        """The captures of a normalised path, or None."""
        parts = path.split("/")
        wanted = len(self.segments) + 1
        if parts[0] or (len(parts) <= wanted if self.rest is not None else len(parts) != wanted):
            return None
        if not all(tester(segment)(part) for segment, part in zip(self.segments, parts[1:], strict=False)):
            return None
        return self.capture(parts)

    def capture(self, parts: Sequence[str]) -> dict[str, str]:
        """The captures of a path that matches, split at its slashes."""
        found = {name: parts[at] for name, at in self._entire}
        for segment, at in self._partial:
            capture(segment, parts[at], found)
        if self.rest is not None:
            found[self.rest] = "/".join(parts[len(self.segments) + 1 :])
        return found


@dataclass(frozen=True, slots=True)
class Insert:
    """A capture in a target, and what is done with it first. `slashes`: it may hold some, and they stay."""

    name: str
    filters: tuple[Filter, ...]
    slashes: bool
    offset: int

    def value(self, captures: Mapping[str, str]) -> str:
        captured = captures[self.name]
        return filtered(captured, self.filters, slashes=self.slashes) if self.filters else captured


@dataclass(frozen=True, slots=True)
class TargetTemplate:
    """A compiled output template."""

    source: str
    pieces: tuple[str | Insert, ...]

    def __str__(self) -> str:
        return self.source

    def expand(self, captures: Mapping[str, str]) -> str:
        target = "".join([p if isinstance(p, str) else p.value(captures) for p in self.pieces])
        if target.startswith(("//", "/\\")):
            return "/" + target.lstrip("/\\")
        return target
