"""A ramp over 200,000 clients, as the machine steps and workers place: shares are met, nobody flips back, every node agrees.

PERF: about 2 s of CPU: one place and one look-up a client; the steps are counted over all of them by their places.
"""

from __future__ import annotations

from bisect import bisect_left
from math import sqrt

from cutover_values import MODERN, START, cutover, entry

from edgeproxy.migration.commands import GateFailed, GatesPassed
from edgeproxy.migration.cutover import share_of
from edgeproxy.migration.journal import apply, read_entry, replay, written
from edgeproxy.migration.phases import State
from edgeproxy.migration.place import arm_at, place_of, sticky_key
from edgeproxy.ruleset.arms import WHOLE, ClientKey, CookieKey, HeaderKey, Split

CLIENTS = 200_000
LADDER = (HeaderKey("authorization"), CookieKey("session"), ClientKey())
RAMP = cutover(1, 5, 10, 20, 50, 100)


def client(n: int) -> tuple[dict[str, str], str]:
    """Headers and address: pip behind a network, a browser with a session, a token."""
    match n % 4:
        case 0:
            return {"authorization": f"Basic {n}", "user-agent": "twine/7"}, "198.51.100.7"
        case 1:
            return {"cookie": f"a=b; session={n}", "user-agent": "Firefox"}, "198.51.100.7"
        case _:
            return {
                "user-agent": f"pip/26.{n & 1}"
            }, f"{10 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.7"  # each its own site


def splits() -> list[Split]:
    """What is in force on each step of the ramp, from 0 to 100 %."""
    state, now = State(RAMP.name), 0.0
    found = [share_of(RAMP, state)]
    for asked in [START, *(GatesPassed("edge") for _ in RAMP.steps)]:
        state = apply(state, entry(RAMP, state, asked, now))
        found.append(share_of(RAMP, state))
        now += RAMP.hold
    return [found[0], *found[2:]]


def test_a_ramp_over_200_000_clients_meets_its_shares_and_flips_nobody_back() -> None:
    keys = {sticky_key(LADDER, headers, address) for headers, address in map(client, range(CLIENTS))}
    assert len(keys) == CLIENTS
    places = sorted(place_of(key, RAMP.name) for key in keys)
    before = 0
    for split in splits():
        share = split.arms[1].share
        moved = bisect_left(places, share)  # those below it
        # As the workers decide, at both sides of the edge: the new arm is a prefix of all places, so it only grows.
        assert all(arm_at(split, place).backend is MODERN for place in (*places[:moved:997], *places[:moved][-1:]))
        assert all(
            arm_at(split, place).backend is not MODERN for place in (*places[moved::997], *places[moved : moved + 1])
        )
        expected = len(places) * share / WHOLE
        assert abs(moved - expected) <= 3 * sqrt(expected * (1 - share / WHOLE)), (share, moved, expected)
        assert moved >= before
        before = moved
    assert before == len(places)


def test_every_single_client_goes_over_once_and_stays() -> None:
    ramp = splits()
    for n in range(5_000):
        headers, address = client(n)
        place = place_of(sticky_key(LADDER, headers, address), RAMP.name)
        on_new = [arm_at(split, place).backend is MODERN for split in ramp]
        assert on_new == sorted(on_new)
        assert (on_new[0], on_new[-1]) == (False, True)


def test_nodes_that_read_one_journal_put_every_client_on_the_same_arm_on_every_host() -> None:
    state, now, lines = State(RAMP.name), 0.0, []
    for asked in (
        START,
        GatesPassed("edge-1"),
        GatesPassed("edge-2"),
        GatesPassed("edge-1"),
        GateFailed("edge-2", "errors"),
    ):
        made = entry(RAMP, state, asked, now)
        state, now = apply(state, made), now + RAMP.hold
        lines.append(written(made))
        # Another node has the text of the journal, and rules with other hosts, which no place depends on.
        there = replay(RAMP.name, map(read_entry, lines))
        for n in range(500):
            headers, address = client(n)
            arms = {
                arm_at(share_of(RAMP, at), place_of(sticky_key(LADDER, {**headers, "host": host}, address), RAMP.name))
                for at in (state, there)
                for host in ("pypi.test", "www.pypi.test", "legacy.pypi.test")
            }
            assert len(arms) == 1
    assert state.share == 0
