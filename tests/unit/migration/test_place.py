"""Places are sticky, even and one-way."""

from __future__ import annotations

from collections import Counter

from edgeproxy.migration.place import arm_at, client_key, place_of, ranges_of, sticky_key
from edgeproxy.ruleset.arms import WHOLE, Arm, ClientKey, CookieKey, HeaderKey, Split
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.origins import Endpoint, HttpBackend

OLD, NEW = (HttpBackend(name, (Endpoint(InetAddress("127.0.0.1", 1)),), f"{name}.test") for name in ("old", "new"))
LADDER = (HeaderKey("authorization"), CookieKey("session"), ClientKey())


def split(new: int) -> Split:
    return Split("reads", (Arm(OLD, WHOLE - new), Arm(NEW, new)), (ClientKey(),))


def test_a_key_has_the_same_place_for_ever() -> None:
    # Written down, so that no release moves clients: a change here is a change of every client's arm.
    assert place_of("client:192.0.2.0/24 pip/26.3", "reads") == 77336
    assert place_of("client:192.0.2.0/24 pip/26.3", "files") != place_of("client:192.0.2.0/24 pip/26.3", "reads")


def test_places_are_spread_evenly() -> None:
    tenths = Counter(place_of(f"key {n}", "reads") * 10 // WHOLE for n in range(20_000))
    assert sorted(tenths) == list(range(10))
    assert all(1800 < count < 2200 for count in tenths.values())


def test_raising_a_percentage_moves_clients_one_way_only() -> None:
    places = [place_of(f"key {n}", "reads") for n in range(2000)]
    moved: set[int] = set()
    for new in (0, 1, 5_000, 20_000, 50_000, 99_999, WHOLE):
        on_new = {place for place in places if arm_at(split(new), place).backend is NEW}
        assert moved <= on_new
        moved = on_new
    assert moved == set(places)


def test_an_arm_at_nothing_gets_nobody_and_a_share_is_exact_to_a_thousandth_of_a_percent() -> None:
    for new in (0, 1, 12_345, WHOLE):
        assert sum(arm_at(split(new), place).backend is NEW for place in range(WHOLE)) == new


def test_the_places_that_an_arm_is_said_to_own_are_those_that_it_gets() -> None:
    for new in (0, 1, 12_345, WHOLE):
        (old_low, old_high), (new_low, new_high) = ranges_of(split(new))
        assert (new_low, new_high, old_low, old_high) == (0, new, new, WHOLE)
        assert all(
            (arm_at(split(new), place).backend is NEW) == (new_low <= place < new_high) for place in range(WHOLE)
        )


def test_the_first_rung_that_is_there_decides() -> None:
    headers = {"authorization": "Basic abc", "cookie": "a=b; session=xyz", "user-agent": "pip/26.3"}
    assert sticky_key(LADDER, headers, "192.0.2.7") == "authorization:Basic abc"
    del headers["authorization"]
    assert sticky_key(LADDER, headers, "192.0.2.7") == "session:xyz"
    headers["cookie"] = "sessions=no; session="
    assert sticky_key(LADDER, headers, "192.0.2.7") == "client:192.0.2.0/24 pip/26.3"


def test_clients_of_one_site_share_a_place() -> None:
    assert client_key("192.0.2.7", "uv") == client_key("192.0.2.200", "uv") == "192.0.2.0/24 uv"
    assert client_key("2001:db8:1:2::3", "uv") == client_key("2001:db8:1:ffff::4", "uv") == "2001:db8:1::/48 uv"
    assert client_key("192.0.2.7", "uv") != client_key("192.0.2.7", "pip")
    assert client_key("unknown", "uv") == "unknown uv"
