"""What the old side has with itself is noise, and nothing else is."""

from __future__ import annotations

import json
from random import Random

import pytest

from edgeproxy.migration.comparing.bounds import Flaw
from edgeproxy.migration.comparing.differences import (
    Added,
    Changed,
    Difference,
    Kind,
    Missing,
    NoAnswer,
    Side,
    StatusChanged,
    Unreadable,
    kind_of,
)
from edgeproxy.migration.comparing.noise import HALF_LIFE, MOST, Noise
from edgeproxy.migration.specimen import Silence


def changed(pattern: str) -> Difference:
    return Changed(pattern.replace("*", "0"), pattern, "a", "b")


DOWNLOADS = changed("json:/urls/*/downloads")
QUIET: tuple[Difference, ...] = ()


def taught(*pairs: tuple[Difference, ...]) -> Noise:
    noise = Noise()
    for pair in pairs:
        noise.learn(pair)
    return noise


def test_nothing_is_noise_before_anything_was_seen() -> None:
    assert Noise().without_noise([DOWNLOADS]) == (DOWNLOADS,)


def test_what_was_seen_twice_is_noise_wherever_it_stands() -> None:
    noise = taught((DOWNLOADS,), QUIET, (DOWNLOADS,))
    other = Changed("json:/urls/7/downloads", "json:/urls/*/downloads", "c", "d")
    assert noise.without_noise([other, changed("json:/info/version")]) == (changed("json:/info/version"),)


@pytest.mark.parametrize(
    "failure",
    [StatusChanged(200, 503), NoAnswer(Side.NEW, Silence.TIMEOUT), Unreadable(Side.NEW, Flaw.CUT, "")],
    ids=kind_of,
)
def test_that_a_side_fails_is_none_however_often_the_old_one_does(failure: Difference) -> None:
    assert taught(*[(failure,)] * 50).without_noise([failure]) == (failure,)


def test_an_old_side_that_fails_hides_no_page_that_is_missing() -> None:
    noise = taught(*[(StatusChanged(500, 200),)] * 50)
    assert noise.without_noise([StatusChanged(500, 200)]) == ()
    assert noise.without_noise([StatusChanged(200, 404)]) == (StatusChanged(200, 404),)


def test_what_is_learned_later_makes_older_lessons_fade_as_if_it_had_been_one() -> None:
    pairs = [(DOWNLOADS,) if n % 3 else QUIET for n in range(900)]
    whole, parts = taught(*pairs), Noise()
    for at in range(0, 900, 30):
        parts = parts.then(taught(*pairs[at : at + 30]))
    assert parts.pairs == pytest.approx(whole.pairs)
    assert parts.share_of(DOWNLOADS) == pytest.approx(whole.share_of(DOWNLOADS))
    assert list(parts) == [((Kind.CHANGED, "json:/urls/*/downloads"), pytest.approx(2 / 3, abs=0.01))]


def test_what_was_seen_once_is_not() -> None:
    noise = taught((DOWNLOADS, DOWNLOADS), *[QUIET] * 3)
    assert noise.without_noise([DOWNLOADS]) == (DOWNLOADS,)
    assert 0.2 < noise.share_of(DOWNLOADS) < 0.3


def test_a_value_that_changes_may_not_be_missing() -> None:
    noise = taught((DOWNLOADS,), (DOWNLOADS,))
    missing = Missing(DOWNLOADS.path, DOWNLOADS.pattern, "a")
    assert noise.without_noise([DOWNLOADS, missing]) == (missing,)


def test_what_is_rare_is_not_noise_however_often_it_was_seen() -> None:
    """An upload between two questions: it must not hide files that are missing for good."""
    upload = Added("index:/files/a-1.zip", "index:/files/*", "")
    noise = taught(*[(upload,) if turn % 200 == 0 else QUIET for turn in range(2_000)])
    assert noise.without_noise([upload]) == (upload,)
    assert 0 < noise.share_of(upload) < 0.01


def test_what_is_no_longer_seen_is_forgotten() -> None:
    noise = taught(*[(DOWNLOADS,)] * 100)
    assert noise.is_noise(DOWNLOADS)
    for _ in range(8 * HALF_LIFE):
        noise.learn(QUIET)
    assert not noise.is_noise(DOWNLOADS)
    assert noise.to_json()["seen"] == [] or noise.share_of(DOWNLOADS) < 0.01


def test_a_little_noise_hides_no_new_side_that_always_has_it() -> None:
    noise = taught((DOWNLOADS,), (DOWNLOADS,), *[QUIET] * 98)
    assert noise.is_noise(DOWNLOADS)
    seen = []
    for _ in range(1_000):
        noise.note([DOWNLOADS])
        seen.append(noise.is_noise(DOWNLOADS))
    assert seen.index(False) < 10
    assert not any(seen[10:])
    assert list(noise) == []
    for _ in range(4 * HALF_LIFE):
        noise.note(QUIET)
    assert noise.is_noise(DOWNLOADS)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4, 0.9])
def test_what_both_sides_have_as_often_stays_noise(share: float) -> None:
    dice, noise, judged, shown = Random(11), Noise(), 0, 0
    for turn in range(20_000):
        if turn < 20 or turn % 20 == 0:
            noise.learn([DOWNLOADS] if dice.random() < share else [])
        differences = [DOWNLOADS] if dice.random() < share else []
        noise.note(differences)
        if turn >= 1_000:
            judged, shown = judged + 1, shown + len(noise.without_noise(differences))
    assert shown < judged * (0.001 if share > 0.05 else 0.02)  # it is rare itself, where it is hardly known as noise


LOST = [
    Missing("index:/files/a-1.zip", "index:/files/*", ""),
    Added("index:/files/a-1.zip", "index:/files/*", ""),
    StatusChanged(200, 404),
    changed("index:/files/*/hashes/sha256"),
    changed("json:/urls/*/digests/sha256"),
]


@pytest.mark.parametrize("lost", LOST, ids=lambda each: f"{kind_of(each)} {each.pattern}")
def test_what_is_lost_is_noise_only_where_it_is_most_ordinary(lost: Difference) -> None:
    assert not taught(*[(lost,)] * 10, *[QUIET] * 90).is_noise(lost)
    assert taught(*[(lost,)] * 30, *[QUIET] * 70).is_noise(lost)


def test_what_is_learned_in_parts_is_held_against_shadows_as_if_it_had_been_one() -> None:
    whole, parts = Noise(), Noise()
    for turn in range(300):
        differences = (DOWNLOADS,) if turn % 3 else QUIET
        news = Noise()
        for each in (whole, news):
            if turn % 10 == 0:
                each.learn(differences)
        whole.note(differences)
        news.note(differences, whole)
        parts = parts.then(news)
    (ours,), (theirs,) = whole.to_json()["seen"], parts.to_json()["seen"]
    assert ours == {key: pytest.approx(each, abs=0.01) if key not in ("kind", "pattern") else each
                    for key, each in theirs.items()}  # fmt: skip


def test_noise_of_the_version_before_is_still_known() -> None:
    words = {"kind": "changed", "pattern": DOWNLOADS.pattern, "count": 8}
    noise = Noise.from_json({"version": 1, "pairs": 20, "seen": [words]})
    assert noise.is_noise(DOWNLOADS)
    for _ in range(50):
        noise.note([DOWNLOADS])
    assert not noise.is_noise(DOWNLOADS)


def test_it_has_a_bound_and_keeps_what_is_seen_most() -> None:
    noise = taught((DOWNLOADS,), (DOWNLOADS,), tuple(changed(f"json:/{n}") for n in range(5 * MOST)))
    assert len(noise.to_json()["seen"]) == MOST
    assert noise.is_noise(DOWNLOADS)


def test_two_workers_know_more_than_one() -> None:
    one, other = taught((DOWNLOADS,)), taught((DOWNLOADS,), QUIET)
    assert not one.is_noise(DOWNLOADS)
    both = one.merged(other)
    assert both.is_noise(DOWNLOADS)
    assert both.pairs == pytest.approx(3, abs=0.01)


def test_it_comes_back_from_json() -> None:
    noise = taught((DOWNLOADS, changed("header:vary")), (DOWNLOADS,), QUIET)
    again = Noise.from_json(json.loads(json.dumps(noise.to_json())))
    assert again.to_json() == noise.to_json()
    assert again.is_noise(DOWNLOADS)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"version": 3, "pairs": 1, "seen": []},
        {"version": 1, "pairs": -1, "seen": []},
        {"version": 1, "pairs": float("nan"), "seen": []},
        {"version": 1, "pairs": 1, "seen": [{"kind": "odd", "pattern": "a", "count": 1}]},
        {"version": 1, "pairs": 1, "seen": [{"kind": "changed", "pattern": "a", "count": True}]},
        {"version": 1, "pairs": 1, "seen": [3]},
        {"version": 2, "pairs": 1, "seen": [{"kind": "changed", "pattern": "a", "count": 1, "shadows": -1}]},
    ],
)
def test_anything_else_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="this is no noise"):
        Noise.from_json(found)
