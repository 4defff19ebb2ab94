"""What a plan says of the keys of its answers."""

from __future__ import annotations

import sys

from edgeproxy.http.target import Scheme, parse_target
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.ruleset.modifiers import Cache, KeyHeader, KeyPart
from edgeproxy.ruleset.place import Place


def plan_by(*key: KeyPart | KeyHeader) -> CachePlan:
    target = parse_target("/", "pypi.test", Scheme.HTTP)
    return CachePlan(Cache(Place("edge.yaml", 1, 1), key=key), "GET", target, "/", "origin", (), None)


def test_the_same_field_has_the_same_key_and_another_has_another() -> None:
    plan = plan_by(KeyHeader("x"))
    keys = [plan.key(values, None).primary for values in ({"x": "a"}, {"x": "a"}, {"x": "b"}, {"x": ""}, {})]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_what_a_long_field_says_is_not_remembered() -> None:
    plan, value = plan_by(KeyHeader("x")), "a" * 10_000
    before = sys.getrefcount(value)
    assert plan.key({"x": value}, None) == plan.key({"x": value}, None)
    assert sys.getrefcount(value) == before
