"""From the nodes of a rule file, and of those it includes, to a ruleset, or to every problem that it has.

Law: one cause gives one problem. What refers to something that could not be read is not blamed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeVar

from edgeproxy.ruleset.actions import Scope
from edgeproxy.ruleset.caches import DEFAULT_CACHE
from edgeproxy.ruleset.declare import Declared, HostReader, declare
from edgeproxy.ruleset.declare_backends import BackendReader, check_moves
from edgeproxy.ruleset.declare_cutovers import CutoverReader, check_arm_names
from edgeproxy.ruleset.declare_splits import SplitReader
from edgeproxy.ruleset.include import Joined
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.listen import ListenReader, read_trusted_proxies
from edgeproxy.ruleset.listeners import Listener
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.read_cache_settings import check_kept_apart, read_cache_settings
from edgeproxy.ruleset.read_limits import read_limits
from edgeproxy.ruleset.read_moves import NO_MAPS, MapReader
from edgeproxy.ruleset.read_pins import check_token_apart, read_arm_token
from edgeproxy.ruleset.router import Router
from edgeproxy.ruleset.rules import RuleReader
from edgeproxy.ruleset.shape import FILE, Findings, Shape, read_table

T = TypeVar("T")
_DIGEST_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line replaces: the listeners, then plain HTTP, and the URL or directory of declared backends."""

    listen: tuple[Listener, ...] = ()
    backends: Mapping[str, str] = field(default_factory=dict)


NO_OVERRIDES: Final = Overrides()


def compile_ruleset(
    findings: Findings, joined: Joined, overrides: Overrides, generation: int, read: Mapping[Path, Moves] = NO_MAPS
) -> Ruleset | None:
    """The ruleset of the joined files; None when anything is wrong with them. `read` are maps that are at hand."""
    root = joined.root
    sections = None if root is None else read_table(findings, root, _shape(joined, overrides))
    if root is None or sections is None:
        return None
    listen = overrides.listen
    if "listen" in sections and not listen:
        trusts = "trusted_proxies" in sections or not joined.whole
        reader = ListenReader(findings, joined.base_of(sections["listen"]), trusts=trusts)
        listen = reader.read_all(sections["listen"])
    trusted = read_trusted_proxies(findings, sections["trusted_proxies"]) if "trusted_proxies" in sections else ()
    limits = read_limits(findings, sections["limits"]) if "limits" in sections else DEFAULT_LIMITS
    cache = DEFAULT_CACHE
    if "cache" in sections:
        cache = read_cache_settings(findings, sections["cache"], joined.base_of(sections["cache"]))
    hosts = _declare(findings, joined, sections.get("hosts"), "host", HostReader(findings).read)

    def read_backend(name: str, node: Node) -> Backend | None:
        return BackendReader(findings, joined.base_of(node), overrides.backends).read(name, node)

    backends: Declared[Backend] = _declare(findings, joined, sections.get("backends"), "backend", read_backend)
    check_moves(findings, backends, overrides.backends, root.place)
    splits = _declare(findings, joined, sections.get("splits"), "split", SplitReader(findings, backends).read)
    arm_token = None
    if "arm_token" in sections:
        arm_token = read_arm_token(findings, sections["arm_token"], joined.base_of(sections["arm_token"]))
    cutover_reader = CutoverReader(findings, backends, takes_token="arm_token" in sections)
    cutovers = _declare(findings, joined, sections.get("cutovers"), "cutover", cutover_reader.read)
    check_arm_names(findings, sections.get("splits"), sections.get("cutovers"))
    if "hosts" not in sections:
        hosts.readable = False  # the missing section has been told of
    maps = MapReader(findings, read)
    scope = Scope(joined.bases[root.place.file], backends, splits, cutovers, maps, joined.bases)
    rule_reader = RuleReader(findings, hosts, scope)
    rules = rule_reader.read_all(sections["rules"]) if "rules" in sections else ()
    if "cache" in sections:
        check_kept_apart(findings, sections["cache"], cache, backends.values.values(), rules)
    if arm_token is not None:
        check_token_apart(findings, sections["arm_token"], arm_token, backends.values.values(), rules)
    if findings.problems:
        return None
    known = tuple(hosts.values.values())
    return Ruleset(
        generation,
        _digest([*joined.texts.values(), *maps.digests]),
        listen,
        trusted,
        limits,
        known,
        tuple(backends.values.values()),
        tuple(splits.values.values()),
        tuple(cutovers.values.values()),
        rules,
        Router(known, rules),
        joined.texts,
        cache,
        arm_token,
    )


def _declare(
    findings: Findings, joined: Joined, node: Node | None, what: str, read: Callable[[str, Node], T | None]
) -> Declared[T]:
    """The names of a section. Of files that are not whole, any name may have been declared."""
    declared = declare(findings, node, what, read)
    declared.readable = declared.readable and joined.whole
    return declared


def _digest(texts: Iterable[str]) -> str:
    """No text holds a NUL: so no two rows of texts give the same octets."""
    return blake2b("\0".join(texts).encode(), digest_size=_DIGEST_OCTETS).hexdigest()


def _shape(joined: Joined, overrides: Overrides) -> Shape:
    """What the files together must have: no `listen` when the command line gives it, nothing that may be in a part
    that could not be read.
    """
    required = tuple(key for key in FILE.required if key == "edge" or (joined.whole and key != "listen"))
    if joined.whole and not overrides.listen:
        return FILE
    return Shape(FILE.what, required, tuple(key for key in FILE.keys if key not in required))
