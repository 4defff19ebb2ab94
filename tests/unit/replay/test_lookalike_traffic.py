"""Traffic drawn from a model: coherent, like what it was fitted to, bounded; and the model of it is the model."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, islice, takewhile
from random import Random
from urllib.parse import urlsplit
from xmlrpc.client import loads

import pytest
from captures import record
from lookalikes import BEGUN, FILE, METADATA, PAGE, Making, captured

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from replay.model.asked import project_of
from replay.model.catalogue import Catalogue, File, Project
from replay.model.checking import check
from replay.model.files import BadModel, read, written
from replay.model.fitting import fit
from replay.model.hits import POLICIES, capacities_of
from replay.model.model import Model, Route
from replay.model.picture import page_of, svg_of
from replay.model.planning import Planner
from replay.model.telling import as_text
from replay.planned import Planned

pytestmark = pytest.mark.timeout(400)  # it computes for seconds, and machines may be busy
MAKING = Making(seconds=300, networks=1_000)


@pytest.fixture(scope="module")
def records() -> list[Captured]:
    return captured(MAKING)


@pytest.fixture(scope="module")
def model(records: list[Captured]) -> Model:
    return fit(records)


def catalogue(projects: int = MAKING.projects) -> Catalogue:
    """Named as those of the capture are, so that hits can be compared; the files of each, the newest first."""
    return Catalogue(
        [Project(f"p{n}", tuple(_file(n, v) for v in range(1, 6)), f'"{n:032x}"') for n in range(1, projects + 1)]
    )


def _file(project: int, version: int) -> File:
    number = f"{project:032x}{version:032x}"
    place = f"{number[:2]}/{number[2:4]}/{number[4:]}"
    return File(f"http://files.pypihosted.test/packages/{place}/p{project}-{version}.0-py3-none-any.whl", True)


def played(model: Model, seed: int = 1, names: Catalogue | None = None) -> Iterator[Planned]:
    return Planner(names or catalogue()).planned(model, Random(seed), model.arrivals)


def as_recorded(planned: Planned) -> Captured:
    """As an edge would write it down; each session is a client from a network of its own."""
    session, _, _ = planned.lane.partition(".")
    network = int(session)
    return Captured(
        time=BEGUN + planned.at,
        method=planned.method,
        url=planned.url,
        headers=dict(planned.headers),
        connection=planned.lane,
        client=f"10.{network >> 8 & 255}.{network & 255}.0" if network < 65_536 else f"11.{network >> 8 & 255}.0.0",
        safety=SafetyClass.SAFE,
        rule=planned.label,
        octets=1_000,
        status=200,
    )


# -- like what it was fitted to -----------------------------------------------------------------------------------------


def test_a_model_of_what_a_model_makes_is_that_model(records: list[Captured], model: Model) -> None:
    again = fit(map(as_recorded, islice(played(model), len(records))))
    routes = {route.label: route for route in again.routes}
    for route in model.routes:
        found = routes[route.label]
        assert found.share == pytest.approx(route.share, abs=0.03)
        if route.label == PAGE:
            assert route.popularity is not None
            assert found.popularity is not None
            assert found.popularity.head == pytest.approx(route.popularity.head, abs=0.12)
            assert found.popularity.tail == pytest.approx(route.popularity.tail, abs=0.15)
            assert found.popularity.turn == pytest.approx(route.popularity.turn, rel=0.5)
    assert {client.kind: client.share for client in again.clients} == pytest.approx(
        {client.kind: client.share for client in model.clients}, abs=0.03
    )
    assert again.rate == pytest.approx(model.rate, rel=0.15)
    (metadata,), (known,) = ([r for r in each.routes if r.label == METADATA] for each in (again, model))
    assert metadata.repeat == pytest.approx(known.repeat or 0, abs=0.05)


def test_a_cache_has_the_hits_that_it_had(records: list[Captured], model: Model) -> None:
    urls = [each.url for each in records]
    drawn = [each.url for each in islice(played(model), len(urls))]
    for ratio in POLICIES.values():
        for capacity in capacities_of(len(set(urls))):
            assert ratio(drawn, capacity) == pytest.approx(ratio(urls, capacity), abs=0.04)


@pytest.mark.parametrize(
    "making", [MAKING, Making(busy=20, quiet=1, busy_for=5, quiet_for=20, networks=1_000)], ids=["even", "bursts"]
)
def test_it_is_like_its_capture_in_what_is_measured(making: Making) -> None:
    records = captured(making)
    found = check(fit(records), records, Random(3))
    unlike = {each.name for each in found.unlike}
    assert unlike <= {"rate over time", "requests a second", "burstiness over 10 s"}  # what ten minutes tell little of
    assert svg_of(found).startswith("<svg")
    assert page_of(found).startswith("<!doctype html>")


def test_where_it_is_not_like_it_that_is_said() -> None:
    """A release that all fetch at one moment."""
    steady = captured(Making(seconds=300, networks=500))
    moment = BEGUN + 100
    herd = [
        record(
            number, time=moment + number / 500, url="http://pypi.test/simple/p2999/", client=f"10.{number % 200}.1.0",
            headers={"user-agent": "pip/24.0"}, rule=PAGE, connection=f"herd {number}",
        )
        for number in range(2_000)
    ]  # fmt: skip
    found = check(fit([*steady, *herd]), [*steady, *herd], Random(1))
    assert {"asked at once", "hits by order"} & {each.name for each in found.unlike}
    assert "unlike in" in "\n".join(as_text(found))


# -- coherent ---------------------------------------------------------------------------------------------------------------


def test_sessions_ask_for_pages_and_then_for_what_pages_name(model: Model) -> None:
    named = {f"p{n}": {file.url for file in project.files or ()} for n, project in enumerate(catalogue().projects, 1)}
    by_session: dict[str, list[Planned]] = {}
    for each in islice(played(model), 20_000):
        by_session.setdefault(each.lane.partition(".")[0], []).append(each)
    files = 0
    for session in list(by_session.values())[:-200]:  # the last are still under way
        pages: set[str] = set()
        metadata: dict[str, str] = {}
        for each in session:
            path = urlsplit(each.url).path
            if each.label == PAGE:
                pages.add(path.split("/")[2])
            elif each.label in (METADATA, FILE):
                url = each.url.removesuffix(".metadata")
                project = project_of(url.rpartition("/")[2])
                assert project in pages
                assert url in named[project]
                assert metadata.setdefault(project, url) == url
                files += each.label == FILE
    assert files > 3_000


def test_a_lane_is_a_connection_of_one_session_to_one_host(model: Model) -> None:
    hosts: dict[str, set[str]] = {}
    agents: dict[str, set[str]] = {}
    for each in islice(played(model), 5_000):
        hosts.setdefault(each.lane, set()).add(urlsplit(each.url).netloc)
        agents.setdefault(each.lane.partition(".")[0], set()).add(dict(each.headers)["user-agent"])
    assert all(len(each) == 1 for each in (*hosts.values(), *agents.values()))


def test_a_request_is_conditional_as_often_as_it_was_where_the_validator_is_known(model: Model) -> None:
    pages = [each for each in islice(played(model), 20_000) if each.label == PAGE]
    conditional = [each for each in pages if "if-none-match" in dict(each.headers)]
    assert len(conditional) / len(pages) == pytest.approx(0.25, abs=0.03)
    for each in conditional:
        number = int(urlsplit(each.url).path.split("/")[2].removeprefix("p"))
        assert dict(each.headers)["if-none-match"] == f'"{number:032x}"'
    nameless = Catalogue([replace(project, etag=None) for project in catalogue().projects])
    assert not [each for each in islice(played(model, 1, nameless), 5_000) if "if-none-match" in dict(each.headers)]


def test_more_clients_or_all_of_it_faster(model: Model) -> None:
    def rate(more: float, speed: float, seconds: float) -> float:
        drawn = Planner(catalogue()).planned(model, Random(5), model.arrivals.scaled(more, speed), speed)
        return sum(1 for _ in takewhile(lambda each: each.at < seconds, drawn)) / seconds

    assert rate(10, 1, 120) == pytest.approx(10 * model.rate, rel=0.2)
    assert rate(1, 10, 30) == pytest.approx(10 * model.rate, rel=0.25)


def test_what_there_are_no_names_for_is_left_out_and_counted(model: Model) -> None:
    planner = Planner(Catalogue([Project("a"), Project("b")]))
    drawn = list(islice(planner.planned(model, Random(1), model.arrivals), 2_000))
    assert {each.label for each in drawn} == {"simple-project", "home", "page"}
    assert sum(planner.left_out.values()) > 2_000
    assert {name.partition("/packages")[2][:4] for name in planner.left_out} == {"/{a}"}
    nothing = Planner(Catalogue([]))
    assert {route.label for route in nothing.lacking(model)} == {"simple-project", "page", "files", "metadata"}


def test_it_goes_on_without_growing(model: Model) -> None:
    drawn = played(model)
    assert len(list(islice(drawn, 5_000))) == 5_000
    tracemalloc.start()
    try:
        for _ in islice(drawn, 1_000):
            pass
        before, _ = tracemalloc.get_traced_memory()
        for _ in islice(drawn, 8_000):
            pass
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000


# -- other routes ---------------------------------------------------------------------------------------------------------------


def test_searches_calls_and_pages_of_other_things() -> None:
    records = [
        *(_asked(n, f"http://pypi.test/search/?q=word{n % 90}&page={n % 2 + 1}", "/search/") for n in range(400)),
        *(_asked(n, f"http://pypi.test/user/u{n % 50}/", "/user/{user}/") for n in range(300)),
        *(_call(n, "package_releases") for n in range(300)),
        *(_call(n, "secret_method") for n in range(300)),
    ]
    model = fit(sorted(records, key=lambda each: each.time))
    planner = Planner(
        Catalogue([Project("a"), Project("b")], ["http://pypi.test/user/alice/", "http://other.test/user/x/"])
    )
    drawn = list(islice(planner.planned(model, Random(1), model.arrivals), 1_000))
    searches = Counter(urlsplit(each.url).query for each in drawn if "/search/" in each.url)
    assert set(searches) == {f"page={page}&q={name}" for page in (1, 2) for name in "ab"}
    assert {each.url for each in drawn if "/user/" in each.url} == {"http://pypi.test/user/alice/"}
    calls = {loads(each.body) for each in drawn if each.method == "POST"}
    assert {(method, arguments[0]) for arguments, method in calls} == {
        ("package_releases", "a"),
        ("package_releases", "b"),
    }
    assert [name for name in planner.left_out if "secret_method" in name]


def _asked(number: int, url: str, shape: str, **more: object) -> Captured:
    at, client = BEGUN + number * 1.7, f"10.{number % 30}.0.0"
    headers = {"user-agent": f"Mozilla/5.0 ({'abcdefg'[number % 7]})"}
    return record(
        number, url=url, shape=shape, rule=None, time=at, client=client, headers=headers, connection=None, **more
    )


def _call(number: int, method: str) -> Captured:
    body = f"<methodCall><methodName>{method}</methodName>{number % 40}</methodCall>"
    return _asked(number, "http://pypi.test/pypi", "/pypi", method="POST", xmlrpc=method, body=body)


# -- files -----------------------------------------------------------------------------------------------------------------------


def test_a_file_says_all_of_it_in_either_form(model: Model) -> None:
    for as_json in (False, True):
        text = written(model, as_json=as_json)
        assert written(read(text), as_json=as_json) == text
    assert len(text) < 100_000


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("look_alike: 1", "look_alike: 9", "`look_alike` says the version"),
        ("look_alike: 1", "look_alike: 1\nmore: 1", "unknown key 'more'"),
        ("scheme: http", "scheme: ftp", "are no URL"),
        ("method: GET", "method: PUT", "`method` is none of"),
        ("host: pypi.test", 'host: "pypi.test\\r\\nX: 1"', "are no URL"),
        ("path: /\n", 'path: "/ HTTP/1.1"\n', "are no URL"),
        ("[accept-language, en]", '[accept-language, "en\\r\\nX: 1"]', "has one that is no header"),
        ("[accept-language, en]", "[content-length, '5']", "has one that is no header"),
        ("of: none", "of: some", "'some' is none of last, earlier"),
        ("kind: pip", "kind: 5", "a text is expected"),
        ("sticks: ", "sticks: -", "a number from 0"),
        ("    items: ", "    items: 99999", "a whole number from 0"),
        ("session_gap: 60.0", "session_gap: .nan", "a number from 0"),
        ("Mozilla/<1>", "Mozilla/<99>", "a place without a part"),
        ("path: /\n", 'path: "/a#b"\n', "are no URL"),
        ("[accept-language, en]", "[authorization, Basic YTpi]", "has one that is no header, or not for a model"),
        ("[accept-language, en]", "[x-http-method-override, DELETE]", "has one that is no header, or not for a model"),
        ("[accept-language, en]", "[proxy-connection, x]", "has one that is no header, or not for a model"),
        ("busy_rate: ", "busy_rate: 9999999999999", "a number from 0"),
        ("busy_rate: ", "busy_rate: 999999", "at most 100,000 sessions a second"),
        ("busy_for: ", "busy_for: 1.0e-9\n  quiet_for: ", "at least 0.001 s"),
        ("kind: pip\n", "kind: &one pip\n  of: *one\n", "an alias"),
    ],
)
def test_a_file_that_is_none_is_told_where_and_why(model: Model, old: str, new: str, why: str) -> None:
    text = written(model)
    assert old in text
    with pytest.raises(BadModel, match=why):
        read(text.replace(old, new))


def test_a_number_that_no_float_holds_is_none(model: Model) -> None:
    text = written(model, as_json=True)
    with pytest.raises(BadModel, match="a number from 0"):
        read(re.sub(r'("busy_rate": )[0-9.]+', rf"\g<1>{'9' * 400}", text))


def test_what_would_be_no_request_is_left_out_and_counted(model: Model) -> None:
    """Neither a model's call by GET, nor a name or an ETag that an index gave, ends the run."""
    routes = tuple(replace(each, call="evil") if each.label == "page" else each for each in model.routes)
    pages = Catalogue([Project("a", etag='W/"1"\r\nX: 1'), Project("b", etag='"2"')])
    planner = Planner(pages)
    drawn = list(islice(planner.planned(replace(model, routes=routes), Random(1), model.arrivals), 500))
    assert {each.label for each in drawn} == {"simple-project", "home"}
    assert not any("\r" in value for each in drawn for _, value in each.headers)
    simple = next(route for route in model.routes if route.label == "simple-project")
    assert planner.left_out[simple.name] > 0


def test_a_host_that_tls_cannot_ask_for_is_left_out_where_the_target_speaks_it(model: Model) -> None:
    routes = tuple(replace(each, host="a..b") if each.label == "home" else each for each in model.routes)
    for by_tls, labels in ((False, {"simple-project", "home"}), (True, {"simple-project"})):
        planner = Planner(Catalogue([Project("a")]), by_tls=by_tls)
        drawn = islice(planner.planned(replace(model, routes=routes), Random(1), model.arrivals), 500)
        assert {each.label for each in drawn} - {"page"} == labels


def test_routes_have_names_that_are_their_own(model: Model) -> None:
    routes: list[Route] = list(model.routes)
    assert len({route.name for route in routes}) == len(routes)
    with pytest.raises(BadModel, match="two have one name"):
        read(written(replace(model, routes=(*routes, routes[0]))))
    assert [len(list(group)) for _, group in groupby(sorted(route.name for route in routes))] == [1] * len(routes)
