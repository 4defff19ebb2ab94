"""From the nodes of a rule file to a ruleset, or to every problem that it has.

Law: one cause gives one problem. What refers to something that could not be read is not blamed for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.actions import Scope
from edgeproxy.ruleset.declare import Declared, HostReader, declare
from edgeproxy.ruleset.declare_backends import BackendReader, check_moves
from edgeproxy.ruleset.declare_cutovers import CutoverReader, check_arm_names
from edgeproxy.ruleset.declare_splits import SplitReader
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.listen import ListenReader, read_trusted_proxies
from edgeproxy.ruleset.listeners import Listener
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.nodes import Node, Table, Text
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.read_limits import read_limits
from edgeproxy.ruleset.read_moves import MapReader
from edgeproxy.ruleset.router import Router
from edgeproxy.ruleset.rules import RuleReader
from edgeproxy.ruleset.shape import FILE, Findings, Shape, read_table

LANGUAGE_VERSION: Final = "1"
_DIGEST_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line replaces: the listeners, then plain HTTP, and the URL or directory of declared backends."""

    listen: tuple[Listener, ...] = ()
    backends: Mapping[str, str] = field(default_factory=dict)


NO_OVERRIDES: Final = Overrides()


@dataclass(frozen=True, slots=True)
class Source:
    """A rule file as read; `base` is where its relative paths are looked up."""

    text: str
    base: Path

    @property
    def digest(self) -> str:
        return blake2b(self.text.encode(), digest_size=_DIGEST_OCTETS).hexdigest()


def compile_ruleset(
    findings: Findings, root: Table, source: Source, overrides: Overrides, generation: int
) -> Ruleset | None:
    """The ruleset of a root table; None when anything is wrong with it."""
    sections = _sections(findings, root, overrides)
    if sections is None:
        return None
    listen = overrides.listen
    if "listen" in sections and not listen:
        reader = ListenReader(findings, source.base, trusts="trusted_proxies" in sections)
        listen = reader.read_all(sections["listen"])
    trusted = read_trusted_proxies(findings, sections["trusted_proxies"]) if "trusted_proxies" in sections else ()
    limits = read_limits(findings, sections["limits"]) if "limits" in sections else DEFAULT_LIMITS
    hosts = declare(findings, sections.get("hosts"), "host", HostReader(findings).read)
    backend_reader = BackendReader(findings, source.base, overrides.backends)
    backends: Declared[Backend] = declare(findings, sections.get("backends"), "backend", backend_reader.read)
    check_moves(findings, backends, overrides.backends, root.place)
    splits = declare(findings, sections.get("splits"), "split", SplitReader(findings, backends).read)
    cutovers = declare(findings, sections.get("cutovers"), "cutover", CutoverReader(findings, backends).read)
    check_arm_names(findings, sections.get("splits"), sections.get("cutovers"))
    if "hosts" not in sections:
        hosts.readable = False  # the missing section has been told of
    maps = MapReader(findings)
    rule_reader = RuleReader(findings, hosts, Scope(source.base, backends, splits, cutovers, maps))
    rules = rule_reader.read_all(sections["rules"]) if "rules" in sections else ()
    if findings.problems:
        return None
    known = tuple(hosts.values.values())
    return Ruleset(
        generation,
        _digest(source, maps),
        listen,
        trusted,
        limits,
        known,
        tuple(backends.values.values()),
        tuple(splits.values.values()),
        tuple(cutovers.values.values()),
        rules,
        Router(known, rules),
        {root.place.file: source.text},
    )


def _digest(source: Source, maps: MapReader) -> str:
    """Of the rule file, and of the maps that it names."""
    digests = "".join(maps.digests)
    if not digests:
        return source.digest
    return blake2b((source.digest + digests).encode(), digest_size=_DIGEST_OCTETS).hexdigest()


def _sections(findings: Findings, root: Table, overrides: Overrides) -> Mapping[str, Node] | None:
    """The sections of a file of this language; of a file of another one nothing could be said."""
    version = next((value for key, value in root.entries if key.value == "edge"), None)
    if version is not None and not (isinstance(version, Text) and version.value == LANGUAGE_VERSION):
        findings.report(
            Code.LANGUAGE_VERSION,
            version.place,
            "a version of the rule language that this edge does not know",
            f"it knows version {LANGUAGE_VERSION}.",
            f"write `edge: {LANGUAGE_VERSION}`.",
        )
        return None
    return read_table(findings, root, _without_listen(FILE) if overrides.listen else FILE)


def _without_listen(shape: Shape) -> Shape:
    required = tuple(key for key in shape.required if key != "listen")
    return replace(shape, required=required, optional=(*shape.optional, "listen"))
