"""What the old side has with itself is noise, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

import pytest

from edgeproxy.migration.comparing.bounds import Flaw
from edgeproxy.migration.comparing.differences import (
    Added,
    Changed,
    Difference,
    Kind,
    Missing,
    More,
    NoAnswer,
    Side,
    StatusChanged,
    Unlisted,
    Unreadable,
    kind_of,
)
from edgeproxy.migration.comparing.noise import MOST, Noise
from edgeproxy.migration.comparing.noise_seen import HALF_LIFE, level_of
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
    noise = taught((DOWNLOADS,), *[QUIET] * 3)
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
    changed("index:/hosts"),
    changed("index:/files/*/url/path"),
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
    for name in ("pairs", "shadows"):
        ((level, weight),) = ours[name]
        assert theirs[name] == [[level, pytest.approx(weight, abs=0.01)]]
    assert ours["compared"] == pytest.approx(theirs["compared"], abs=0.01)


@pytest.mark.parametrize("version", [1, 2])
def test_what_did_not_count_how_much_of_a_page_is_noise_is_learned_anew(version: int) -> None:
    words = {"kind": "changed", "pattern": DOWNLOADS.pattern, "count": 8, "shadows": 3, "compared": 9}
    assert not Noise.from_json({"version": version, "pairs": 20, "seen": [words]})


# -- how many there are in one comparison -------------------------------------------------------------------------------


def many(number: int) -> tuple[Difference, ...]:
    return tuple(Changed(f"json:/urls/{at}/downloads", "json:/urls/*/downloads", "a", "b") for at in range(number))


def test_one_noisy_place_hides_no_other_one_of_its_pattern() -> None:
    noise = taught(*[many(1)] * 20)
    assert noise.without_noise(many(1)) == ()
    more = More(DOWNLOADS.pattern, DOWNLOADS.pattern, Kind.CHANGED, 3)
    assert noise.without_noise([changed("json:/info/version"), *many(3)]) == (
        *(more, changed("json:/info/version")),
        *many(3),
    )
    assert not noise.hides((Kind.MORE, DOWNLOADS.pattern))


@pytest.mark.parametrize("rarely", [0.02, 1.0])
def test_one_more_than_all_pairs_have_is_none_however_rarely_shadows_have_it(rarely: float) -> None:
    dice, noise, judged = Random(7), taught(*[many(2)] * 20), []
    for turn in range(2_000):
        if turn % 20 == 0:
            noise.learn(many(2))
        number = 3 if dice.random() < rarely else 2
        noise.note(many(number))
        judged.append((number, bool(noise.without_noise(many(number)))))
    assert {is_different for number, is_different in judged if number == 3} == {True}
    assert {is_different for number, is_different in judged if number == 2} <= {False}


def lengths(dice: Random) -> int:
    """Of a list that is noise from its first element to its last: other documents have longer ones."""
    return max(1, min(900, int(dice.lognormvariate(2, 1.5))))


def changes(dice: Random) -> int:
    """What has happened between two questions: mostly nothing, and now and then much."""
    return sum(dice.random() < 0.03 for _ in range(10))


@pytest.mark.parametrize("draw", [lengths, changes], ids=lambda each: each.__name__)
def test_what_both_sides_have_more_or_less_of_stays_noise(draw: Callable[[Random], int]) -> None:
    dice, noise, shown = Random(3), Noise(), 0
    for turn in range(6_000):
        if turn < 20 or turn % 20 == 0:
            noise.learn(many(draw(dice)))
        number = draw(dice)
        noise.note(many(number))
        shown += turn >= 20 and bool(noise.without_noise(many(number)))
    assert shown <= 6


def test_where_the_number_varies_a_new_side_that_has_more_of_it_beyond_chance_differs() -> None:
    dice, noise, shown = Random(5), Noise(), 0
    for turn in range(2_000):
        if turn < 20 or turn % 20 == 0:
            noise.learn(many(dice.randint(1, 3)))
        number = dice.randint(1, 3) + 2
        noise.note(many(number))
        shown += turn >= 40 and bool(noise.without_noise(many(number)))
    assert shown == 1_960


def test_more_lost_files_than_pairs_ordinarily_lack_are_no_noise() -> None:
    lost = [Missing(f"index:/files/a-{n}.zip", "index:/files/*", "") for n in range(9)]
    noise = taught(*[(lost[0],)] * 30, tuple(lost), tuple(lost), *[QUIET] * 68)
    assert noise.without_noise(lost[:1]) == ()
    assert noise.without_noise(lost[:9])[0] == More("index:/files/*", "index:/files/*", Kind.MISSING, 9)


def test_what_is_not_listed_counts_as_many_as_it_is() -> None:
    noise = taught(*[(Unlisted(3),)] * 20)
    assert noise.without_noise([Unlisted(3)]) == ()
    assert noise.without_noise([Unlisted(4_000)])[-1] == Unlisted(4_000)


def test_numbers_have_a_bound() -> None:
    levels = {level_of(number) for number in (*range(1, 3_000), 10**9)}
    assert {*range(1, 33)} < levels
    assert len(levels) < 70
    noise = taught(*(many(number) for number in range(1, 1_000, 3)))
    assert len(noise.to_json()["seen"][0]["pairs"]) < 70


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


ONE: dict[str, object] = {"kind": "changed", "pattern": "a", "pairs": [[1, 1.0]], "shadows": [], "compared": 1}
ODD: tuple[dict[str, object], ...] = (
    *({"kind": "odd"}, {"pairs": [[1, True]]}, {"pairs": [[0, 1.0]]}, {"pairs": [["a", 1.0]]}, {"pairs": 3}),
    *({"shadows": [[1, -1.0]]}, {"compared": -1}),
)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"version": 4, "pairs": 1, "seen": []},
        {"version": 3, "pairs": -1, "seen": []},
        {"version": 3, "pairs": float("nan"), "seen": []},
        {"version": 3, "pairs": 1, "seen": [3]},
        *({"version": 3, "pairs": 1, "seen": [ONE | odd]} for odd in ODD),
    ],
)
def test_anything_else_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="this is no noise"):
        Noise.from_json(found)
