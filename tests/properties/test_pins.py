"""Pins move nobody else, and a share moves nobody who is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.target import Scheme, parse_target
from edgeproxy.migration.pins import pin_of
from edgeproxy.proxy.plan import ByArm, choose_arm, plan_request
from edgeproxy.ruleset.arms import WHOLE, Side
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Ruleset

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test, legacy.pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, modern: {url: "http://127.0.0.1:2"}}
cutovers: {reads: {from: legacy, to: modern, steps: [100], hold: 1m, sticky: [cookie:session, client]%s}}
rules: [{name: all, match: {path: "/{rest*}"}, forward: {cutover: reads}}]
"""
AGENTS = ("pip/26.3", "pip/9.0.3", "bandersnatch/6", "uv/0.9", "")
ADDRESSES = ("10.0.0.1", "10.1.0.1", "192.0.2.7", "2001:db8::1", "unix")

conditions = st.sampled_from(
    [
        'user_agent: {prefix: "pip/"}',
        "user_agent: bandersnatch/6",
        "user_agent: {present: false}",
        "client: [10.0.0.0/8]",
        'client: [10.1.0.0/16, "2001:db8::/32"]',
        'headers: {X-Beta: "1"}',
        "client: [10.0.0.0/8], user_agent: {regex: '.*v.*'}",
    ]
)
pins = st.lists(st.tuples(conditions, st.sampled_from(["from", "to"])), max_size=4)
clients = st.tuples(
    st.fixed_dictionaries(
        {},
        optional={
            "user-agent": st.sampled_from(AGENTS),
            "cookie": st.integers(0, 200).map("session={}".format),
            "x-beta": st.sampled_from(["1", "2"]),
        },
    ),
    st.sampled_from(ADDRESSES),
)
shares = st.lists(st.integers(0, WHOLE), min_size=1, max_size=6).map(sorted)


def ruleset(its: list[tuple[str, str]]) -> Ruleset:
    written = ", ".join(f"{{{condition}, arm: {arm}}}" for condition, arm in its)
    return parse_ruleset(RULES % (f", pin: [{written}]" if its else ""), "rules.yaml", base=Path("/srv"))


def arm_of(rules: Ruleset, share: int | None, headers: Mapping[str, str], address: str, host: str = "pypi.test") -> str:
    """By the edge's own plan. `share` None: the cutover is not started."""
    _, plan = plan_request(rules, "GET", parse_target("/", host, Scheme.HTTPS))
    assert isinstance(plan, ByArm)
    moved = {} if share is None else {"reads": rules.cutovers[0].at(share)}
    return choose_arm(plan, moved, headers, address)[0]


@given(pins, shares, clients)
def test_who_is_pinned_stays_and_who_is_not_goes_as_without_pins(
    its: list[tuple[str, str]], ramp: list[int], client: tuple[dict[str, str], str]
) -> None:
    headers, address = client
    rules, plain = ruleset(its), ruleset([])
    pin = pin_of(rules.cutovers[0].pins, Facts(headers=headers, client=address))
    arms = [arm_of(rules, share, headers, address) for share in (*ramp, WHOLE)]
    if pin is None:
        assert arms == [arm_of(plain, share, headers, address) for share in (*ramp, WHOLE)]
        assert arms == sorted(arms)  # legacy, then modern: nobody goes back
    else:
        assert set(arms) == {"modern" if pin.side is Side.NEW else "legacy"}
    assert arms == [arm_of(rules, share, headers, address, "legacy.pypi.test") for share in (*ramp, WHOLE)]
    assert arm_of(rules, None, headers, address) == "legacy"  # at rest, and after a rollback: everybody
