"""The parts of a model, each fitted to what is known: laws of popularity, arrivals, files, agents, headers, routes."""

from __future__ import annotations

import json
from collections import Counter
from itertools import takewhile
from random import Random

import pytest
from captures import record
from lookalikes import ACCEPT, agent_of

from replay.model import arrivals, popularity
from replay.model.agents import Agents, taken_apart
from replay.model.arrivals import Arrivals, counts_of, dispersion_of
from replay.model.asked import asked_of, filled, project_of, version_of
from replay.model.catalogue import BadNames, Catalogue, File, Project, files_of, read_names, words_of
from replay.model.filechoice import file_table, repeat_of
from replay.model.filechoice import files_of as files_chosen
from replay.model.headers import HeaderSets
from replay.model.hits import lru, s3fifo
from replay.model.measuring import kolmogorov, total_variation
from replay.model.popularity import PowerLaw
from replay.model.quantiles import Quantiles
from replay.model.searching import least
from replay.model.sharing import Tally


def counts(law: PowerLaw, requests: int, seed: int) -> list[int]:
    dice = Random(seed)
    return list(Counter(law.draw(dice, law.items) for _ in range(requests)).values())


# -- popularity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "requests"),
    [
        (PowerLaw(0.66, 1.9, 100, 20_000), 200_000),
        (PowerLaw(0.66, 1.6, 60, 3_000), 30_000),
        (PowerLaw(0.5, 1.2, 300, 50_000), 50_000),
        (PowerLaw(0.3, 2.2, 40, 5_000), 20_000),
    ],
    ids=str,
)
def test_exponents_and_turn_are_found_again(law: PowerLaw, requests: int) -> None:
    fitted = popularity.fit(counts(law, requests, 1))
    assert fitted is not None
    assert fitted.law.head == pytest.approx(law.head, abs=0.08)
    assert fitted.law.tail == pytest.approx(law.tail, abs=0.08)
    assert fitted.law.turn == pytest.approx(law.turn, rel=0.25)


def test_what_nobody_asked_for_is_estimated_where_the_tail_is_flat() -> None:
    law = PowerLaw(0.5, 1.1, 300, 50_000)
    seen = counts(law, 50_000, 2)
    fitted = popularity.fit(seen)
    assert fitted is not None
    assert len(seen) < 16_000
    assert fitted.law.items == pytest.approx(50_000, rel=0.25)
    assert fitted.unseen == fitted.law.items - fitted.seen
    assert fitted.chao < fitted.unseen  # the bound of Chao says less, and nothing that is wrong


def test_a_regression_on_ranks_would_be_too_steep_where_this_is_not() -> None:
    """Why the fit is on counts: in a sample of one request for each ten things the tail of ranks falls off."""
    law = PowerLaw(0.6, 0.6, 2, 20_000)
    fitted = popularity.fit(counts(law, 4_000, 3))
    assert fitted is not None
    assert [fitted.law.weight(rank) / fitted.law.weight(1) for rank in (10, 100, 1_000)] == pytest.approx(
        [law.weight(rank) for rank in (10, 100, 1_000)], rel=0.4
    )


def test_too_little_says_nothing() -> None:
    assert popularity.fit([]) is None
    assert popularity.fit([1] * 20) is None
    assert popularity.fit([100, 100]) is None


def test_ranks_are_drawn_as_often_as_the_law_says() -> None:
    law, dice = PowerLaw(0.7, 1.5, 5, 50), Random(4)
    drawn = Counter(law.draw(dice, 20) for _ in range(50_000))
    total = sum(law.weight(rank) for rank in range(1, 21))
    assert set(drawn) == set(range(1, 21))  # of those that there are
    for rank in (1, 5, 20):
        assert drawn[rank] / 50_000 == pytest.approx(law.weight(rank) / total, rel=0.1)


def test_the_least_value_of_a_valley() -> None:
    (x, y), value = least(lambda p: (p[0] - 3) ** 2 + 10 * (p[1] - p[0] ** 2) ** 2, (0.0, 0.0), (1.0, 1.0), 2_000)
    assert (x, y, value) == pytest.approx((3, 9, 0), abs=0.01)


# -- arrivals ----------------------------------------------------------------------------------------------------------


def test_one_time_that_is_wrong_by_years_takes_no_memory_for_each_moment_between() -> None:
    """A million seconds have ten million windows of a tenth; these are fifty years."""
    starts = [0.0, *(1_600_000_000.0 + each for each in range(100))]
    fitted = arrivals.fit(starts, 1_600_000_100.0)
    assert abs(fitted.rate * 1_600_000_100 - 101) < 1
    assert dispersion_of(starts, 1_600_000_100.0, 0.1) > 0.9


def test_windows_without_any_count_too() -> None:
    assert dispersion_of([0.5, 0.6, 3.5], 4.0, 1.0) == pytest.approx(
        ((2 - 0.75) ** 2 + 0.25**2 + 2 * 0.75**2) / 3 / 0.75
    )
    assert counts_of([0.5, 0.6, 3.5, 9.0], 4.0, 1.0) == [2, 0, 0, 1]


@pytest.mark.parametrize("made", [Arrivals(20, 2, 5, 20), Arrivals(50, 0, 2, 30), Arrivals(12, 4, 30, 30)], ids=str)
def test_bursts_are_found_again(made: Arrivals) -> None:
    starts = list(takewhile(lambda at: at < 7_200, made.draw(Random(5))))
    fitted = arrivals.fit(starts, 7_200)
    assert fitted.rate == pytest.approx(len(starts) / 7_200, rel=0.01)
    assert fitted.busy_rate == pytest.approx(made.busy_rate, rel=0.25)
    assert fitted.busy_for == pytest.approx(made.busy_for, rel=0.5)
    for seen in fitted.dispersion:
        assert seen.fitted == pytest.approx(seen.seen, rel=0.3)
    again = list(takewhile(lambda at: at < 7_200, fitted.draw(Random(6))))
    for scale in arrivals.SCALES:
        assert dispersion_of(again, 7_200, scale) == pytest.approx(dispersion_of(starts, 7_200, scale), rel=0.4)


def test_a_poisson_process_is_none_with_two_states() -> None:
    starts = list(takewhile(lambda at: at < 3_600, Arrivals(5, 5, 1, 1).draw(Random(7))))
    fitted = arrivals.fit(starts, 3_600)
    assert fitted.busy_rate == fitted.quiet_rate == pytest.approx(5, rel=0.05)


def test_more_clients_are_more_sessions_in_the_same_bursts_and_speed_is_all_of_it() -> None:
    made = Arrivals(20, 2, 5, 20)
    assert made.scaled(3, 1) == Arrivals(60, 6, 5, 20)
    assert made.scaled(1, 10) == Arrivals(200, 20, 0.5, 2)


# -- files of a project ------------------------------------------------------------------------------------------------


def test_which_file_is_asked_for_is_found_again() -> None:
    dice, weights = Random(8), (0.7, 0.2, 0.07, 0.03)
    projects = {str(n): Counter(map(str, dice.choices(range(4), weights, k=1 + n % 40))) for n in range(800)}
    repeat = repeat_of(projects)
    assert repeat == pytest.approx(sum(weight**2 for weight in weights), abs=0.03)
    assert files_chosen(projects, repeat) in (4, 5)
    table = file_table(repeat, 4)
    assert table[0] / table[-1] == pytest.approx(0.7, abs=0.05)


def test_one_request_of_each_says_nothing_of_files() -> None:
    assert repeat_of({"a": Counter(x=1)}) is None
    assert files_chosen({"a": Counter(x=1)}, None) is None


# -- user agents and headers ---------------------------------------------------------------------------------------------


def test_an_agent_is_taken_apart_and_one_of_its_kind_is_drawn() -> None:
    agents, dice = Agents(3), Random(9)
    for number in range(300):
        agents.add(agent_of(dice), f"10.0.{number % 20}.0")
    (fitted,) = agents.fitted()
    assert fitted.form.startswith(
        'pip/<1> {"ci":<2>,"cpu":<3>,"implementation":{"name":<4>,"version":<5>},"python":<6>'
    )
    assert fitted.parts[5].same_as == 5  # the version of Python, twice
    for _ in range(50):
        drawn = fitted.draw(dice)
        form, values = taken_apart(drawn) or ("", ())
        assert form == fitted.form
        assert values[4] == values[5]
        assert values[0] in ("24.0", "9.0.3")


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (X11; Linux x86_64; rv:59.0) Gecko/20100101 Firefox/59.0",
        "twine/7.0.0 CPython/3.11.7",
        "bandersnatch/6.6.0 (cpython 3.11.7-final0, Linux x86_64)",
        "curl/8.4.0",
    ],
)
def test_agents_without_json_are_words_and_numbers(agent: str) -> None:
    agents = Agents(1)
    agents.add(agent, "192.0.2.0")
    assert [each.draw(Random(1)) for each in agents.fitted()] == [agent]


@pytest.mark.parametrize(
    "agent",
    [
        "curl/8 token=abcdefgh12345678",
        "pip/24.0 [hidden]",
        "tool/1 (anverylongwordthatcouldbeanythingatall)",
        "tool/1 user@example.test",
        "acme/1.0",
        "curl/8.0 (office)",
        "curl/8.0 (5551234567)",
        "curl/8.0-acme",
        'pip/24.0 {"system":{"release":"6.1.0-acme"}}',
        'pip/24.0 {"distro":{"name":"Acme Linux"}}',
        'pip/24.0 {"python":"3.11\\n"}',
        'pip/24.0 {"python":"<script>"}',
        "x" * 2_000,
    ],
)
def test_an_agent_that_is_none_of_the_vocabulary_leaves_nothing(agent: str) -> None:
    agents = Agents(1)
    agents.add(agent, "192.0.2.0")
    assert agents.fitted() == ()


def test_members_of_an_agents_json_that_are_not_known_are_left_out() -> None:
    form, values = taken_apart('pip/24.0 {"cpu":"x86_64","user_data":"alice at the office","python":"3.11.7"}') or (
        "",
        (),
    )
    assert form == 'pip/<1> {"cpu":<2>,"python":<3>}'
    assert list(values) == ["24.0", '"x86_64"', '"3.11.7"']


def test_a_set_of_headers_that_too_few_share_keeps_what_is_shared() -> None:
    sets = HeaderSets(3)
    for number in range(9):
        sets.add({"accept": "*/*", "accept-language": "en"}, f"10.0.{number}.0")
    sets.add({"accept": "*/*", "accept-language": "tlh"}, "10.1.0.0")
    sets.add({"accept": "*/*", "x-requested-with": "mine"}, "10.2.0.0")
    sets.add({"accept": "*/*", "dnt": "1"}, "10.3.0.0")
    whole, rest = sets.fitted()
    assert (whole.fields, whole.share) == ((("accept", "*/*"), ("accept-language", "en")), 0.75)
    assert rest.fields == (("accept", "*/*"),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accept", ACCEPT),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.9,zh-Hant-TW;q=0.8,es-419,*;q=0.1"),
        ("accept-encoding", "gzip, deflate, br;q=0.5, zstd"),
        ("cache-control", "max-age=0, no-cache"),
        ("range", "bytes=0-16384"),
        ("sec-ch-ua", '"Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"'),
        ("priority", "u=0, i"),
        ("content-type", "text/xml; charset=utf-8"),
    ],
)
def test_a_value_of_its_headers_grammar_stays(name: str, value: str) -> None:
    sets = HeaderSets(1)
    sets.add({name: value}, "192.0.2.0")
    (only,) = sets.fitted()
    assert only.fields == ((name, value),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accept", "application/x-acme"),
        ("accept", "*/*;q=0.5;who=me"),
        ("accept-language", "john.smith@acme.test"),
        ("accept-language", "en-acmecorp"),
        ("accept-language", "en-x-acme"),
        ("accept-language", "acme"),
        ("accept-encoding", "acme"),
        ("cache-control", "max-age=0, acme"),
        ("x-requested-with", "test.acme.browser"),
        ("sec-ch-ua", '"Acme";v="1"'),
        ("content-type", "multipart/form-data; boundary=acme"),
        ("priority", "acme"),
        ("te", "acme"),
    ],
)
def test_whatever_else_it_says_does_not_however_many_say_it(name: str, value: str) -> None:
    sets = HeaderSets(3)
    for number in range(9):
        sets.add({name: value, "dnt": "1"}, f"10.0.{number}.0")
    (only,) = sets.fitted()
    assert only.fields == (("dnt", "1"),)


def test_what_is_of_one_exchange_is_no_part_of_a_set_and_ranges_are_rounded() -> None:
    sets = HeaderSets(1)
    sets.add(
        {"if-none-match": '"x"', "referer": "http://pypi.test/", "range": "bytes=0-9999", "user-agent": "pip/1"}, "a"
    )
    (only,) = sets.fitted()
    assert only.fields == (("range", "bytes=0-16384"),)


def test_a_value_is_shared_when_enough_clients_have_it_however_often_one_sends_it() -> None:
    tally: Tally[str] = Tally(3)
    for _ in range(100):
        tally.add("mine", "a")
    for client in "abc":
        tally.add("ours", client)
    assert tally.shared() == {"ours": 3}
    assert tally.shares() == {"ours": 1.0}


# -- what is asked for -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shape", "path", "project"),
    [
        ("http://pypi.test/simple/Flask/", "/simple/{project}/", "/simple/{project}/", "flask"),
        ("http://pypi.test/simple/Flask/", None, "/simple/{name}/", "flask"),
        ("http://pypi.test/simple/", None, "/simple/", None),
        ("http://pypi.test/user/alice/", None, "/user/{name}/", None),
        ("http://pypi.test/pypi/Flask/1.0/json", None, "/pypi/{name}/{version}/json", "flask"),
        (f"http://f.test/packages/ab/cd/{'0' * 60}/Flask-1.0-py3-none-any.whl", None, "/packages/{hex}/{hex}/{hex}/{file}", "flask"),
        (
            f"http://f.test/packages/ab/cd/{'0' * 60}/Flask-1.0-py3-none-any.whl.metadata",
            "/packages/{a:[0-9a-f]{2}}/{b:[0-9a-f]{2}}/{rest:[0-9a-f]{60}}/{file}.metadata",
            "/packages/{a}/{b}/{rest}/{file}.metadata",
            "flask",
        ),
        ("http://f.test/packages/source/z/zope.i/zope.i-1.0.tar.gz", None, "/packages/source/{name}/{name}/{file}", "zope-i"),
        ("http://pypi.test/simple/x/", "/quite/{other}", "/simple/{name}/", "x"),  # a shape that is not the path's
    ],
)  # fmt: skip
def test_a_request_is_for_a_route_and_a_project(url: str, shape: str | None, path: str, project: str | None) -> None:
    asked = asked_of(record(url=url, shape=shape))
    assert (asked.route.path, asked.project) == (path, project)


def test_names_and_versions_of_files() -> None:
    assert (project_of("Foo_Bar-1.0-py3-none-any.whl"), version_of("Foo_Bar-1.0-py3-none-any.whl")) == (
        "foo-bar",
        "1.0",
    )
    assert (project_of("foo-bar-1.0b2.tar.gz"), version_of("foo-bar-1.0b2.tar.gz")) == ("foo-bar", "1.0b2")
    assert project_of("readme.txt") is None
    assert filled("/simple/{project:[a-z]{2}}/", {"project": "ab"}) == "/simple/ab/"


def test_names_are_read_from_what_indexes_and_people_write() -> None:
    whole = Catalogue(
        [Project("a", (File("http://f.test/a-1.tar.gz", True),), '"e"'), Project("b")], ["http://x.test/y"]
    )
    assert read_names(json.dumps(words_of(whole))) == whole
    names = ["a", "B.c"]
    assert [
        each.name for each in read_names('{"meta": {}, "projects": [{"name": "a"}, {"name": "B.c"}]}').projects
    ] == names
    assert [
        each.name for each in read_names('<html><a href="/simple/a/">a</a><br><a href="x">B.c</a>').projects
    ] == names
    lines = read_names("# popular first\na\nB.c\nhttp://pypi.test/x\n")
    assert ([each.name for each in lines.projects], lines.urls) == (names, ["http://pypi.test/x"])
    for wrong in (
        '{"projects": 1}',
        '{"projects": [{}]}',
        "{",
        "not a name!",
        '{"projects": [{"name": "a", "files": [1]}]}',
    ):
        with pytest.raises(BadNames):
            read_names(wrong)


def test_files_of_a_page_the_newest_first() -> None:
    base = "http://pypi.test/simple/a/"
    html = '<a href="../../p/a-1.tar.gz#sha256=0">a-1.tar.gz</a><a href="http://f.test/a-2-py3-none-any.whl" data-core-metadata="true">'
    wanted = (File("http://f.test/a-2-py3-none-any.whl", True), File("http://pypi.test/p/a-1.tar.gz", False))
    assert files_of(html, base) == wanted
    page = {
        "files": [
            {"url": "../../p/a-1.tar.gz"},
            {"url": "http://f.test/a-2-py3-none-any.whl", "core-metadata": {"sha256": "0"}},
        ]
    }
    assert files_of(json.dumps(page), base) == wanted


# -- measures ----------------------------------------------------------------------------------------------------------------


def test_hits_of_a_cache() -> None:
    items = [1, 2, 3, 1, 2, 3, 4, 1]
    assert lru(items, 3) == 3 / 8
    assert lru(items, 4) == 4 / 8
    scan = [n % 20 if n % 2 else 1_000 + n for n in range(4_000)]
    assert s3fifo(scan, 15) > 0.4 > lru(scan, 15)


def test_distances() -> None:
    assert total_variation({"a": 1.0}, {"b": 1.0}) == 1
    assert total_variation({"a": 0.5, "b": 0.5}, {"a": 0.25, "b": 0.75}) == 0.25
    assert kolmogorov([1, 2, 3, 4], [1, 2, 3, 4]) == 0
    assert kolmogorov([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    assert kolmogorov([1], [2]) == 1
    assert kolmogorov([], []) == 0


def test_quantiles_say_nothing_that_one_has_alone() -> None:
    quantiles = Quantiles.of([1.234567] * 50 + [9_876.54321], 5)
    assert quantiles.values[-1] == 1.2
    dice = Random(1)
    spread = Quantiles.of([float(n) for n in range(1_000)], 5)
    drawn = [spread.draw(dice) for _ in range(5_000)]
    assert sum(drawn) / 5_000 == pytest.approx(500, rel=0.05)
    assert min(drawn) >= 0
