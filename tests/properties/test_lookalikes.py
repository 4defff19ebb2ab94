"""What fewer clients than enough have sent is in no model, whatever it is; and any model's traffic is in order and its own."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from replay.model.catalogue import Catalogue, File, Project
from replay.model.files import BadModel, read, written
from replay.model.fitting import CannotFit, fit
from replay.model.planning import Planner
from replay.model.sharing import LEAST

pytestmark = pytest.mark.timeout(400)
WORDS = st.from_regex(r"[b-df-hj-np-tv-xz]{5,9}", fullmatch=True)  # none that a model file would have by itself
SHAPES = st.sampled_from(["/simple/{}/", "/{}/{}", "/pypi/{}/json", "/{}/{}-1.0.tar.gz", "/search/?q={}&{}=1", "/"])
HEADERS = st.sampled_from(["accept", "accept-language", "cache-control", "prefer", "if-none-match", "referer"])
AGENTS = st.sampled_from(["pip/24.0", "Mozilla/5.0 ({})", 'pip/24.0 {{"cpu":"{}"}}', "{}/1.0", "uv/0.5 ({}; {})"])


@st.composite
def captures(draw: st.DrawFn) -> list[Captured]:
    words = draw(st.lists(WORDS, min_size=2, max_size=8, unique=True))
    some = st.sampled_from(words)
    records: list[Captured] = []
    for number in range(draw(st.integers(1, 40))):
        path = draw(SHAPES).format(draw(some), draw(some))
        headers = {draw(HEADERS): draw(some), "user-agent": draw(AGENTS).format(draw(some), draw(some))}
        records.append(
            Captured(
                time=1e9 + number,
                method="GET",
                url=f"http://{draw(st.sampled_from(['pypi', draw(some)]))}.test{path}",
                headers=headers,
                client=f"10.{draw(st.integers(0, 8))}.0.0",
                safety=SafetyClass.SAFE,
                rule=draw(st.none() | some),
                shape=draw(st.none() | st.just(path) | some.map("/{}".format)),
            )
        )
    return records


def said_by(record: Captured) -> str:
    return " ".join((record.url, record.rule or "", record.shape or "", *record.headers, *record.headers.values()))


def rare_words(records: list[Captured], least: int) -> set[str]:
    clients: dict[str, set[str | None]] = {}
    for record in records:
        for word in "".join(each if each.isalpha() else " " for each in said_by(record)).split():
            clients.setdefault(word, set()).add(record.client)
    return {
        word
        for word, known in clients.items()
        if len(known) < least and len(word) >= 5 and not set(word) & set("aeiouy")
    }


@given(captures(), st.sampled_from([2, 3, LEAST]))
@settings(max_examples=120)
def test_what_too_few_have_sent_is_not_in_it(records: list[Captured], least: int) -> None:
    try:
        text = written(fit(records, least))
    except CannotFit:
        return
    assert not [word for word in rare_words(records, least) if word in text]
    assert not [record.client for record in records if record.client and record.client in text]


@given(captures(), st.integers(1, 3), st.integers(0, 1 << 32), st.floats(0.1, 100), st.floats(0.1, 100))
@settings(max_examples=60)
def test_its_traffic_is_in_order_and_the_same_again(
    records: list[Captured], least: int, seed: int, more: float, speed: float
) -> None:
    try:
        model = read(written(fit(records, least)))
    except CannotFit:
        return
    names = [Project(f"name-{n}", (File(f"http://f.test/name_{n}-1.0.tar.gz", False),)) for n in range(3)]

    def drawn() -> list[Any]:
        planner = Planner(Catalogue(names))
        return list(islice(planner.planned(model, Random(seed), model.arrivals.scaled(more, speed), speed), 50))

    planned = drawn()
    assert planned == drawn()
    assert [each.at for each in planned] == sorted(each.at for each in planned)
    assert all(each.url.startswith("http://") and "{" not in each.url for each in planned)
    assert all(each.recorded is None and each.method == "GET" and not each.body for each in planned)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    )
)
def test_whatever_stands_in_a_file_is_a_model_or_is_told(words: Any) -> None:
    for text in (
        yaml.safe_dump(words),
        yaml.safe_dump({"look_alike": 1, "about": words, "routes": [words], "clients": [words]}),
    ):
        with suppress(BadModel):
            read(text)
