"""XML-RPC as its callers see it: through the client of the standard library, over a loopback socket."""

from __future__ import annotations

import asyncio
import io
import xmlrpc.client
from collections.abc import Callable
from typing import Any

import pytest
from packages import stored, wheel

from backends.legacy.library import Library
from backends.legacy.methods import METHODS, MOST_OF_SEVERAL, reply, replying
from backends.legacy.site import Site
from backends.marshalling import LARGEST_CALL
from backends.store import Store


@pytest.fixture
def call(site: Any) -> Callable[..., Any]:
    """Calls a method of the running site, the client in a thread of its own."""

    def at_once(method: str, *arguments: object) -> Any:
        with xmlrpc.client.ServerProxy(f"{site.base}/pypi", allow_none=True) as proxy:
            return getattr(proxy, method)(*arguments)

    async def called(method: str, *arguments: object) -> Any:
        return await asyncio.to_thread(at_once, method, *arguments)

    return called


async def test_all_projects_are_listed_by_their_names(call: Any) -> None:
    assert await call("list_packages") == ["Flask", "zope.interface"]


async def test_all_projects_are_listed_with_their_serials(call: Any) -> None:
    assert await call("list_packages_with_serial") == {"Flask": 6, "zope.interface": 9}


async def test_the_last_serial_is_that_of_the_last_change(call: Any) -> None:
    assert await call("changelog_last_serial") == 9


async def test_releases_come_newest_first(call: Any) -> None:
    assert await call("package_releases", "Flask") == ["0.12.2", "0.2"]
    assert await call("package_releases", "Flask", True) == ["0.12.2", "0.2"]


@pytest.mark.parametrize("name", ["flask", "FLASK", "nope", ""])
async def test_a_name_that_is_not_exact_has_no_releases(call: Any, name: str) -> None:
    assert await call("package_releases", name) == []
    assert await call("release_urls", name, "0.12.2") == []
    assert await call("release_data", name, "0.12.2") == {}


async def test_a_version_that_is_not_exact_is_no_release(call: Any) -> None:
    assert await call("release_urls", "Flask", "0.12.2.0") == []
    assert await call("release_data", "Flask", "0.12.2.0") == {}


@pytest.mark.parametrize("method", ["release_urls", "package_urls"])
async def test_the_files_of_a_release_are_structs(call: Any, store: Store, method: str) -> None:
    file = store.file_named("flask-0.12.2-py3-none-any.whl")
    assert file is not None
    wheel_row, sdist_row = await call(method, "Flask", "0.12.2")
    assert sdist_row["filename"] == "flask-0.12.2.tar.gz"
    assert wheel_row == {
        "packagetype": "bdist_wheel",
        "python_version": "py3",
        "comment_text": "the wheel",
        "filename": "flask-0.12.2-py3-none-any.whl",
        "md5_digest": file.md5,
        "sha256_digest": file.sha256,
        "path": file.path.removeprefix("packages/"),
        "size": file.size,
        "has_sig": False,
        "downloads": 0,
        "upload_time": xmlrpc.client.DateTime("20180416T15:00:00"),
        "url": f"http://legacy.pypi.test/{file.path}",
        "digests": {"md5": file.md5, "sha256": file.sha256},
    }


@pytest.mark.parametrize("method", ["release_data", "package_data"])
async def test_the_data_of_a_release_is_a_struct(call: Any, method: str) -> None:
    data = await call(method, "zope.interface", "4.4.3")
    assert data["name"] == "zope.interface"
    assert data["summary"] == "Interfaces"
    assert data["classifiers"] == []
    assert data["package_url"] == "http://legacy.pypi.test/pypi/zope.interface"
    assert data["release_url"] == "http://legacy.pypi.test/pypi/zope.interface/4.4.3"
    assert data["docs_url"] is None
    assert data["downloads"] == {"last_day": 0, "last_week": 0, "last_month": 0}
    assert "requires_dist" not in data


async def test_a_release_has_lists_of_what_it_names(call: Any, store: Store) -> None:
    several: dict[str, str | list[str]] = {
        "Classifier": ["Private :: A", "Private :: B"],
        "Requires-Dist": ["click", "jinja2 (>=2)"],
        "Project-URL": ["Docs, http://docs.test/"],
        "Keywords": "web,wsgi",
        "Platform": ["any"],
    }
    stored(store, wheel("Rich", "1.0", several))
    data = await call("release_data", "Rich", "1.0")
    assert data["classifiers"] == ["Private :: A", "Private :: B"]
    assert data["requires_dist"] == ["click", "jinja2 (>=2)"]
    assert data["project_url"] == ["Docs, http://docs.test/"]
    assert (data["keywords"], data["platform"]) == ("web,wsgi", "any")


async def test_a_search_finds_parts_of_words_in_any_of_its_fields(call: Any) -> None:
    expected = {"name": "zope.interface", "version": "4.4.3", "summary": "Interfaces", "_pypi_ordering": 0}
    assert await call("search", {"name": "INTER", "summary": "inter"}, "or") == [expected]
    assert await call("search", {"name": "inter", "summary": "quick"}, "or") == [
        {"name": "Flask", "version": "0.12.2", "summary": "Small & <quick>", "_pypi_ordering": 1},
        expected,
    ]


async def test_a_search_needs_all_of_its_fields_unless_told_otherwise(call: Any) -> None:
    spec = {"name": "flask", "summary": "quick"}
    found = await call("search", spec)
    assert [(row["name"], row["version"]) for row in found] == [("Flask", "0.12.2")]
    assert await call("search", spec, "neither") == found


async def test_a_search_takes_lists_and_passes_over_fields_it_does_not_know(call: Any) -> None:
    found = await call("search", {"version": ["4.4", "0.2"], "colour": 7})
    assert [row["name"] for row in found] == ["Flask", "zope.interface"]


async def test_the_methods_list_themselves(call: Any) -> None:
    assert await call("system.listMethods") == sorted(METHODS)


def test_every_method_but_one_only_reads() -> None:
    assert [name for name, method in METHODS.items() if not method.read_only] == ["post_cheesecake_for_release"]


def test_a_hundred_calls_may_be_made_at_once_and_not_one_more(library: Library) -> None:
    for count, expected in ((100, b"<int>9</int>"), (101, b"NameError")):
        calls = [{"methodName": "changelog_last_serial", "params": []}] * count
        assert expected in reply(xmlrpc.client.dumps((calls,), "system.multicall").encode(), library)


def test_what_is_called_within_a_multicall_fails_alone(library: Library) -> None:
    calls = [1, {"methodName": "x"}, {"methodName": "list_packages", "params": {}}, {"params": []}]
    ((rows,), _) = xmlrpc.client.loads(reply(xmlrpc.client.dumps((calls,), "system.multicall").encode(), library))
    assert isinstance(rows, list)
    assert [row["faultCode"] for row in rows] == [1, 1, 1, 1]


def several(library: Library, calls: list[dict[str, object]]) -> list[Any]:
    answer = reply(xmlrpc.client.dumps((calls,), "system.multicall").encode(), library)
    assert len(answer) < MOST_OF_SEVERAL + (1 << 20), "all of them together"
    ((rows,), _) = xmlrpc.client.loads(answer)
    assert isinstance(rows, list)
    return rows


TOO_MUCH = {
    "faultCode": 1,
    "faultString": "<type 'exceptions.RuntimeError'>:the calls before this one asked for too much: make it by itself",
}


def test_several_calls_together_take_hardly_longer_than_one(store: Store) -> None:
    hours = iter(range(0, 3600 * 24, 3600))
    hasty = Library(store, Site("https"), clock=lambda: next(hours))
    call: dict[str, object] = {"methodName": "changelog_last_serial", "params": []}
    assert several(hasty, [call] * 3) == [[9], TOO_MUCH, TOO_MUCH]


def test_several_calls_together_answer_hardly_more_than_one(store: Store) -> None:
    stored(store, wheel("Long", "1.0", {"Description": "<" * 100_000}))
    patient = Library(store, Site("https"), clock=lambda: 0.0)
    rows = several(patient, [{"methodName": "release_data", "params": ["Long", "1.0"]}] * 100)
    answered = MOST_OF_SEVERAL // 400_000
    assert [row[0]["name"] for row in rows[:answered]] == ["Long"] * answered
    assert rows[answered + 1 :] == [TOO_MUCH] * (99 - answered)


def test_between_several_calls_others_are_answered(library: Library) -> None:
    calls = [{"methodName": "changelog_last_serial", "params": []}] * 5
    steps = replying(xmlrpc.client.dumps((calls,), "system.multicall").encode(), library)
    assert len(list(steps)) == 5


@pytest.mark.parametrize(
    ("method", "arguments", "steps"), [("changelog", [0], 3), ("list_packages", [], 1), ("search", [{"name": "f"}], 1)]
)
def test_within_several_calls_each_takes_its_own_steps(
    library: Library, method: str, arguments: list[object], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.changelog.CHANGES_A_STEP", 3)
    by_itself = xmlrpc.client.dumps(tuple(arguments), method).encode()
    ((alone,), _) = xmlrpc.client.loads(reply(by_itself, library))
    calls: list[dict[str, object]] = [{"methodName": method, "params": arguments}] * 2
    assert several(library, calls) == [[alone], [alone]]
    assert len(list(replying(xmlrpc.client.dumps((calls,), "system.multicall").encode(), library))) == 2 * steps + 2


def test_no_multicall_is_within_another(library: Library) -> None:
    (row,) = several(library, [{"methodName": "system.multicall", "params": [[]]}])
    assert "system.multicall within system.multicall is forbidden" in row["faultString"]


def test_a_search_that_takes_too_long_finds_nothing(store: Store) -> None:
    hours = iter(range(0, 3600 * 24, 3600))
    patient = Library(store, Site("https"), clock=lambda: 0.0)
    hasty = Library(store, Site("https"), clock=lambda: next(hours))
    for number in range(300):
        stored(store, wheel(f"filler-{number}", "1.0"))
    call = xmlrpc.client.dumps(({"description": "nothing like it", "name": "filler-1"}, "or"), "search").encode()
    assert b"filler-199" in reply(call, patient)
    assert b"filler-199" not in reply(call, hasty)
    assert b"fault" not in reply(call, hasty)


@pytest.mark.parametrize(
    ("method", "arguments", "fault"),
    [
        ("nope", (), "<type 'exceptions.Exception'>:method \"nope\" is not supported"),
        ("package_releases", (), "<type 'exceptions.TypeError'>:package_releases() takes 1 to 2 arguments (0 given)"),
        ("list_packages", (1,), "<type 'exceptions.TypeError'>:list_packages() takes 0 arguments (1 given)"),
        ("release_data", ("Flask", 1), "<type 'exceptions.TypeError'>:a string is expected, not int"),
        ("search", ("x",), "<type 'exceptions.TypeError'>:what to search for is given as a struct"),
        ("search", ({"name": [None]},), "<type 'exceptions.TypeError'>:a string is expected, not NoneType"),
    ],
)
async def test_what_cannot_be_answered_is_a_fault(
    call: Any, method: str, arguments: tuple[object, ...], fault: str
) -> None:
    with pytest.raises(xmlrpc.client.Fault) as raised:
        await call(method, *arguments)
    assert (raised.value.faultCode, raised.value.faultString) == (1, fault)


def test_control_characters_of_a_summary_are_left_out(store: Store, library: Library) -> None:
    stored(store, wheel("Bell", "1.0", {"Summary": "rings\x07 twice"}))
    answer = reply(xmlrpc.client.dumps(("Bell", "1.0"), "release_data").encode(), library)
    ((data,), _) = xmlrpc.client.loads(answer)
    assert isinstance(data, dict)
    assert data["summary"] == "rings twice"


async def test_a_call_is_answered_as_text_xml_whatever_becomes_of_it(site: Any) -> None:
    for body in (b"nonsense", xmlrpc.client.dumps((), "list_packages").encode()):
        got = await site.post("/pypi", data=body, headers={"Content-Type": "text/xml"})
        assert (got.status, got.headers["Content-Type"]) == (200, "text/xml")


async def test_a_call_of_10_mebibytes_is_a_fault_and_one_of_a_byte_less_is_read(site: Any) -> None:
    call = xmlrpc.client.dumps((), "changelog_last_serial").encode()
    for size, expected in ((LARGEST_CALL, "way too big"), (LARGEST_CALL - 1, "<int>9</int>")):
        padded = call + b" " * (size - len(call))
        got = await site.post("/pypi", data=io.BytesIO(padded), headers={"Content-Type": "text/xml"})
        assert expected in got.text


BIG = "<methodCall><methodName>{}</methodName><params><param><value><int>{}</int></value></param></params></methodCall>"


@pytest.mark.parametrize(
    "method", ["changelog", "changelog_since_serial", "changed_packages", "updated_releases", "top_packages"]
)
@pytest.mark.parametrize("number", ["2147483648", "9" * 20, "-" + "9" * 20, "9" * 5000])
async def test_a_number_of_any_size_is_answered(site: Any, method: str, number: str) -> None:
    got = await site.post("/pypi", data=BIG.format(method, number), headers={"Content-Type": "text/xml"})
    assert got.status == 200
    if method != "top_packages":
        with pytest.raises(xmlrpc.client.Fault, match=r"integer out of range|not a method call"):
            xmlrpc.client.loads(got.body)


async def test_a_list_of_any_length_is_answered(site: Any, call: Any, store: Store) -> None:
    stored(store, wheel("tool", "1.0", {"Classifier": ["A", "B"]}))
    # As texts without a type, of which a call may have more than SQLite takes parameters.
    browse = xmlrpc.client.dumps((["A", "B"] * 20_000,), "browse").replace("<string>", "").replace("</string>", "")
    got = await site.post("/pypi", data=browse, headers={"Content-Type": "text/xml"})
    assert xmlrpc.client.loads(got.body)[0] == ([["tool", "1.0"]],)
    assert [row["name"] for row in await call("search", {"name": ["flask"] * 200, "summary": []})] == []
    with pytest.raises(xmlrpc.client.Fault, match="ValueError'>:more than 200 values to search for"):
        await call("search", {"name": ["xyz"] * 20_000})


def test_a_call_that_the_index_cannot_answer_is_a_fault(library: Library, store: Store) -> None:
    store.close()
    body = xmlrpc.client.dumps((), "changelog_last_serial").encode()
    with pytest.raises(xmlrpc.client.Fault, match="ProgrammingError'>:the call cannot be answered at the moment"):
        xmlrpc.client.loads(reply(body, library))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<bad", "ExpatError('unclosed token: line 1, column 0',)"),
        (b"<x/>", "ResponseError('this is not a method call',)"),
        (None, "AssertionError('request content way too big',)"),
    ],
)
def test_what_cannot_be_read_is_told_as_python_2_writes_an_exception(
    library: Library, body: bytes | None, told: str
) -> None:
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(reply(body, library))
    assert (raised.value.faultCode, raised.value.faultString) == (1, told)
