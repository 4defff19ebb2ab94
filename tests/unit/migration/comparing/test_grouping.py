"""Findings by rule, shape and client: counted, with a few examples, scrubbed, bounded."""

from __future__ import annotations

import json

import pytest
from compared import JSON, answer

from edgeproxy.migration.comparing.differences import Changed, Difference, Kind, StatusChanged, kind_of, to_json
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.examples_kept import MOST_EXAMPLES, MOST_EXAMPLES_IN_ALL, MOST_EXAMPLES_OF_RULE
from edgeproxy.migration.comparing.grouping import (
    MOST_GROUPS,
    MOST_GROUPS_OF_RULE,
    MOST_MARKS,
    OTHER,
    Groups,
    Key,
)
from edgeproxy.migration.comparing.scrubbing import HIDDEN

PAGE = Key("simple", "/simple/{project}/", "pip")
STATUS = StatusChanged(200, 404)
NOW = 1_523_890_800.0


def changed(path: str) -> Difference:
    return Changed(path, path, "a", "b")


def example(*differences: Difference) -> Example:
    request = (
        "GET",
        "/simple/a/?token=abcdefghijklmnop",
        {"authorization": ("Basic abcdefgh",), "user-agent": ("pip/26.3",)},
    )
    answers = (answer('{"password": "hunter2"}', JSON, "Set-Cookie: s=secret"), answer("{}", JSON, status=404))
    return Example.of(NOW, request, answers, differences)


def add(groups: Groups, key: Key, *differences: Difference, now: float = NOW) -> None:
    groups.add(key, differences, lambda: example(*differences), now)


def test_every_comparison_is_counted_where_it_belongs() -> None:
    groups = Groups()
    add(groups, PAGE)
    add(groups, PAGE, STATUS, now=NOW + 5)
    add(groups, PAGE, changed("json:/a"), changed("json:/a"), STATUS)
    add(groups, Key("json", "/pypi/{name}/json", "uv"))
    assert (groups.compared, groups.different) == (4, 2)
    (key, group), (other, quiet) = groups
    assert (key, other.rule, quiet.different) == (PAGE, "json", 0)
    tally = group.tallies[Kind.STATUS_CHANGED, "status/200/404"]
    assert (tally.count, tally.first, tally.last, len(tally.examples)) == (2, NOW, NOW + 5, 2)
    assert group.tallies[Kind.CHANGED, "json:/a"].count == 1


def test_an_example_holds_nothing_that_lets_anybody_in() -> None:
    kept = json.dumps(example(Changed("header:location", "header:location", "/a?token=sesame", "/b")).to_json())
    for secret in ("abcdefgh", "hunter2", "secret", "sesame"):
        assert secret not in kept
    assert "pip/26.3" in kept


@pytest.mark.parametrize(
    "target",
    [
        *("/a?q=password%20is%20PW", "/a?pass%2577ord=PW", "/me:PW@h.test/", "/reset%252FPW", "/q8Zr3Vt6Yw9AbPW/a"),
        *("/a?name=password&value=PW", "/a?q=password%C2%A0is%C2%A0PW"),
    ],
)
def test_nor_is_it_in_a_target_however_it_is_spelled(target: str) -> None:
    target = target.replace("PW", "hunter2andmore")
    link = f"https://pypi.test{target}"
    request = ("GET", target, {"referer": (link,), "user-agent": ("password is hunter2andmore",)})
    answers = (answer("", "text/plain", f"Location: {link}"), answer("", "text/plain"))
    difference = Changed("header:location", "header:location", link, "/")
    kept = json.dumps(Example.of(NOW, request, answers, (difference,)).to_json())
    assert "hunter2" not in kept
    assert kept.count("pypi.test") == 3


def test_the_value_of_a_secret_is_not_shown_as_a_difference_either() -> None:
    paths = ("json:/user/password", "header:x-auth-token", "json:/api_keys/3", "json:/tokens/0/of", "json:/user/name")
    kept = [to_json(each) for each in example(*map(changed, paths)).differences]
    assert [(each["old"], each["new"]) for each in kept] == [(HIDDEN, HIDDEN)] * 4 + [("a", "b")]


def test_an_example_does_not_say_who_its_client_was() -> None:
    headers = {
        "forwarded": ("for=192.0.2.77;proto=https",),
        "x-forwarded-for": ("192.0.2.77",),
        "x-forwarded-proto": ("https",),
        "x-real-ip": ("192.0.2.77",),
        "X_Forwarded_For": ("192.0.2.77",),
        "true-client-ip": ("192.0.2.77",),
        "user-agent": ("pip/26.3",),
    }
    echo = answer("{}", JSON, "X-Forwarded-For: 192.0.2.77")
    kept = Example.of(NOW, ("GET", "/", headers), (echo, echo), (STATUS,)).to_json()
    assert "192.0.2.77" not in json.dumps(kept)
    assert kept["headers"] == {"x-forwarded-proto": ["https"], "user-agent": ["pip/26.3"]}


def test_an_example_is_small_whatever_the_exchange_was() -> None:
    huge = answer("x" * 1_000_000, "text/plain", *(f"X-{n}: {'y' * 1000}" for n in range(500)))
    request = ("G" * 1000, "/" + "a" * 10_000, {"x": ("z" * 10_000,)})
    differences = [changed(f"json:/{n}") for n in range(1000)]
    assert len(json.dumps(Example.of(NOW, request, (huge, huge), differences).to_json())) < 50_000


def test_there_are_few_examples_and_none_is_made_that_is_not_kept() -> None:
    groups, made = Groups(), []

    def make() -> Example:
        made.append(1)
        return example(STATUS)

    for _ in range(100):
        groups.add(PAGE, (STATUS,), make, NOW)
    ((_, group),) = groups
    assert len(group.tallies[Kind.STATUS_CHANGED, "status/200/404"].examples) == len(made) == MOST_EXAMPLES


def test_groups_and_patterns_have_a_bound_and_nothing_goes_uncounted() -> None:
    groups = Groups()
    for n in range(2 * MOST_GROUPS):
        add(groups, Key(f"rule-{n}", "/", "pip"), changed("json:/a"))
    for n in range(3 * MOST_MARKS):
        add(groups, Key("rule-0", "/", "pip"), changed(f"json:/{n}"))
    kept = dict(groups)
    assert len(kept) == MOST_GROUPS + 1
    assert kept[Key(OTHER, OTHER, OTHER)].different == MOST_GROUPS
    assert groups.compared == 2 * MOST_GROUPS + 3 * MOST_MARKS
    first = kept[Key("rule-0", "/", "pip")]
    assert len(first.tallies) == MOST_MARKS + 1
    assert sum(tally.count for tally in first.tallies.values()) == 3 * MOST_MARKS + 1
    assert (
        sum(len(tally.examples) for group in kept.values() for tally in group.tallies.values()) == MOST_EXAMPLES_IN_ALL
    )


def test_one_rule_hides_no_other() -> None:
    groups = Groups()
    for n in range(2 * MOST_GROUPS_OF_RULE):
        add(groups, Key("rest", f"/{n}", "pip"), STATUS)
    add(groups, PAGE, STATUS)
    kept = dict(groups)
    assert len(kept) == MOST_GROUPS_OF_RULE + 2
    assert kept[Key("rest", OTHER, OTHER)].different == MOST_GROUPS_OF_RULE
    examples = [len(tally.examples) for group in kept.values() for tally in group.tallies.values()]
    assert sum(examples) == MOST_EXAMPLES_OF_RULE + 1
    assert len(kept[PAGE].tallies[Kind.STATUS_CHANGED, "status/200/404"].examples) == 1


HASH = changed("json:/digests/sha256")
TRIFLES = tuple(changed(f"json:/info/{n}") for n in range(2 * MOST_MARKS))


def test_what_is_grave_is_named_however_much_else_there_was_before() -> None:
    groups = Groups()
    for _ in range(3):
        add(groups, PAGE, *TRIFLES)
    add(groups, PAGE, *TRIFLES, HASH)
    add(groups, PAGE, STATUS)
    ((_, group),) = groups
    for each in (STATUS, HASH):
        tally = group.tallies[kind_of(each), each.pattern]
        assert (tally.count, len(tally.examples)) == (1, 1)
    assert len(group.tallies) == MOST_MARKS + 1
    assert [each["pattern"] for each in groups.to_json()["groups"][0]["differences"]][:2] == [
        "json:/digests/sha256",
        "status/200/404",
    ]


def test_others_count_a_comparison_once() -> None:
    one, other = Groups(), Groups()
    for groups in (one, other):
        for _ in range(5):
            add(groups, PAGE, *TRIFLES)
    ((_, group),) = one
    assert group.tallies[Kind.CHANGED, OTHER].count == 5
    for n in range(4):
        add(one, PAGE, StatusChanged(200, 400 + n))  # takes places, so that more is put together
    one.merge(other)
    assert group.tallies[Kind.CHANGED, OTHER].count <= group.different == 14


def test_what_comes_late_has_an_example_too() -> None:
    groups = Groups()
    for _ in range(2 * MOST_EXAMPLES):
        add(groups, PAGE, *TRIFLES[:30])
    late = [*TRIFLES[30:35], STATUS]
    for each in late:
        add(groups, Key("simple", "/simple/", "uv"), each)
    kept = dict(groups)
    tallies = [tally for group in kept.values() for tally in group.tallies.values()]
    assert [len(tally.examples) for tally in kept[Key("simple", "/simple/", "uv")].tallies.values()] == [1] * len(late)
    assert sum(len(tally.examples) for tally in tallies) == MOST_EXAMPLES_OF_RULE
    again = Groups.from_json(groups.to_json())
    assert again.to_json() == groups.to_json()


def test_what_is_grave_has_an_example_where_everything_has_one() -> None:
    groups = Groups()
    for n in range(2):
        add(groups, PAGE._replace(family=str(n)), *TRIFLES[n * MOST_EXAMPLES_OF_RULE :])
    add(groups, PAGE, changed("json:/one/more"))
    add(groups, PAGE, STATUS)
    examples = {mark: len(tally.examples) for mark, tally in dict(groups)[PAGE].tallies.items()}
    assert examples == {(Kind.CHANGED, "json:/one/more"): 0, (Kind.STATUS_CHANGED, "status/200/404"): 1}


def test_two_workers_make_one_table() -> None:
    one, other = Groups(), Groups()
    add(one, PAGE, STATUS, now=NOW + 1)
    add(one, PAGE)
    add(other, PAGE, STATUS, changed("json:/a"), now=NOW - 1)
    add(other, Key("json", "/", "uv"))
    one.merge(other)
    assert (one.compared, one.different) == (4, 2)
    tally = dict(one)[PAGE].tallies[Kind.STATUS_CHANGED, "status/200/404"]
    assert (tally.count, tally.first, tally.last, len(tally.examples)) == (2, NOW - 1, NOW + 1, 2)


def test_it_comes_back_from_json() -> None:
    groups = Groups()
    add(groups, PAGE, STATUS, changed("json:/a"))
    add(groups, Key("json", "/", "uv"))
    again = Groups.from_json(json.loads(json.dumps(groups.to_json())))
    assert again.to_json() == groups.to_json()


@pytest.mark.parametrize("found", [{}, {"version": 0}, {"version": 1, "groups": [{}]}, {"version": 1, "groups": [1]}])
def test_anything_else_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="these are no groups"):
        Groups.from_json(found)
