"""What each client says and asks for, on an index that is a table of answers: no Locust, no socket."""

from __future__ import annotations

import ast
import json
import xmlrpc.client
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from packages import wheel

from loadtests.users import headers as say
from loadtests.users.browsing import browser
from loadtests.users.calling import READS, call, xmlrpc_client
from loadtests.users.headers import conditional, filled
from loadtests.users.installers import old_pip, pip, uv
from loadtests.users.kinds import Client, walk_of
from loadtests.users.mirroring import bandersnatch, devpi
from loadtests.users.pages import metadata_in, names_of, needs_of
from loadtests.users.popularity import Ranks
from loadtests.users.steps import Ask, Heard, Pause, Walk, World, Wrong

ROOT = Path(__file__).parents[3]
FILES = "http://files.pypihosted.test/packages"
JSON = {"content-type": "application/vnd.pypi.simple.v1+json", "etag": '"one"'}
HTML = {"content-type": "text/html; charset=UTF-8", "etag": '"two"'}
TOP = wheel("top", "2.0", {"Requires-Dist": ["Bottom>=1", "elsewhere", "never; extra == 'x'"]})

Answers = dict[str, Heard | Callable[[Ask], Heard]]


def page(name: str, *files: tuple[str, bytes], metadata: bool = True) -> Heard:
    listed = [
        {
            "filename": file,
            "url": f"{FILES}/{file}",
            "hashes": {"sha256": sha256(content).hexdigest()},
            "core-metadata": {"sha256": "x"} if metadata else False,
            "yanked": file.startswith("top-3"),
        }
        for file, content in files
    ]
    words = json.dumps({"name": name, "files": listed}).encode()
    return Heard(200, JSON, words, f"http://pypi.test/simple/{name}/")


def world(**more: object) -> World:
    return World(["top"], Ranks(1), Random(1), **more)  # type: ignore[arg-type]


def installing() -> tuple[Answers, World]:
    answers: Answers = {
        "http://pypi.test/simple/top/": page("top", ("top-1.0-py3-none-any.whl", b"old"), TOP, ("top-3.0.tar.gz", b"")),
        f"{FILES}/{TOP.filename}.metadata": Heard(200, {}, metadata_in(TOP.content), ""),
        f"{FILES}/{TOP.filename}": Heard(200, {}, TOP.content, ""),
        "http://pypi.test/simple/bottom/": page("bottom", ("bottom-1.tar.gz", b"b"), metadata=False),
        f"{FILES}/bottom-1.tar.gz": Heard(200, {}, b"b", ""),
    }
    return answers, World(["top", "bottom"], Ranks(1), Random(1))


def walked(walk: Walk, answers: Answers) -> list[Ask]:
    """What it asks for, to its end."""
    asked = []
    try:
        step = next(walk)
        while True:
            if isinstance(step, Pause):
                step = walk.send(None)
                continue
            asked.append(step)
            answer = answers[step.url]
            step = walk.send(answer if isinstance(answer, Heard) else answer(step))
    except StopIteration:
        return asked


def said(ask: Ask) -> dict[str, str]:
    return dict(ask.headers)


# -- installers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("installer", [pip, uv])
def test_an_installer_reads_pages_and_metadata_and_then_takes_the_files(installer: Callable[[World], Walk]) -> None:
    answers, here = installing()
    asked = walked(installer(here), answers)
    assert [urlsplit(each.url).path for each in asked] == [
        "/simple/top/",
        f"/packages/{TOP.filename}.metadata",
        "/simple/bottom/",
        f"/packages/{TOP.filename}",
        "/packages/bottom-1.tar.gz",
    ]
    assert [said(each)["Host"] for each in asked] == [urlsplit(each.url).netloc for each in asked]
    assert asked[3].digest == sha256(TOP.content).hexdigest()
    assert all(each.method == "GET" for each in asked)


@pytest.mark.parametrize(("installer", "again"), [(pip, "max-age=0"), (uv, "no-cache")])
def test_one_that_has_been_here_asks_for_pages_alone_and_by_their_etags(
    installer: Callable[[World], Walk], again: str
) -> None:
    answers, here = installing()
    walked(installer(here), answers)
    same: Answers = {url: Heard(304, {}, b"", url) for url in answers}
    asked = walked(installer(here), same)
    assert [urlsplit(each.url).path for each in asked] == ["/simple/top/", "/simple/bottom/"]
    assert [(said(each)["If-None-Match"], said(each)["Cache-Control"]) for each in asked] == [('"one"', again)] * 2
    assert all(304 in each.expects for each in asked)


def test_pip_of_2018_asks_the_old_host_and_learns_from_the_wheel_what_it_needs() -> None:
    digest = sha256(TOP.content).hexdigest()
    link = f'<a href="{FILES}/{TOP.filename}#sha256={digest}">{TOP.filename}</a><a href="x">bottom-9.zip</a>'
    answers: Answers = {
        "http://legacy.pypi.test/simple/top/": Heard(200, HTML, link.encode(), "http://pypi.test/simple/top/"),
        "http://legacy.pypi.test/simple/bottom/": Heard(200, HTML, b"", "http://pypi.test/simple/bottom/"),
        f"{FILES}/{TOP.filename}": Heard(200, {}, TOP.content, ""),
    }
    asked = walked(old_pip(World(["top", "bottom"], Ranks(1), Random(1))), answers)
    assert [each.url for each in asked] == [
        "http://legacy.pypi.test/simple/top/",
        f"{FILES}/{TOP.filename}",
        "http://legacy.pypi.test/simple/bottom/",
    ]
    assert said(asked[0])["Accept"] == "text/html"
    assert said(asked[0])["User-Agent"].startswith("pip/9.0.3 {")
    assert asked[1].digest == digest


def test_what_is_no_page_is_wrong() -> None:
    answers: Answers = {"http://pypi.test/simple/top/": Heard(200, JSON, b'{"files": 3}', "")}
    with pytest.raises(Wrong, match="the page cannot be read"):
        walked(pip(world()), answers)


# -- header sets --------------------------------------------------------------------------------------------------------


def test_sets_are_those_of_the_programs_in_their_order() -> None:
    names = {name: [field for field, _ in getattr(say, name)] for name in ("PIP_PAGE", "UV_PAGE", "UV_METADATA")}
    assert names["PIP_PAGE"] == ["Host", "User-Agent", "Accept-Encoding", "Accept", "Connection"]
    assert names["UV_PAGE"] == ["Accept-Encoding", "Accept", "User-Agent", "Host"]
    assert names["UV_METADATA"] == ["Accept", "User-Agent", "Accept-Encoding", "Host"]
    assert dict(say.PIP_FILE)["Accept-Encoding"] == "identity"
    assert dict(say.BROWSER_PAGE)["Accept"].startswith("text/html,application/xhtml+xml")
    assert json.loads(say.PIP_AGENT.partition(" ")[2])["installer"] == {"name": "pip", "version": "26.3"}
    assert json.loads(say.UV_AGENT.partition(" ")[2])["installer"]["subcommand"] == ["pip", "install"]


def test_no_set_has_what_is_the_senders_to_say_or_two_of_a_name() -> None:
    sets = [value for name, value in vars(say).items() if name.isupper() and isinstance(value, tuple) and value]
    assert len(sets) > 10
    for each in sets:
        names = [name.lower() for name, _ in each]
        assert len(names) == len(set(names))
        assert not {"content-length", "transfer-encoding"} & set(names)


def test_conditions_stand_where_the_programs_have_them() -> None:
    url = "http://pypi.test/simple/top/"
    pips = [name for name, _ in conditional(filled(say.PIP_PAGE, url), '"x"', say.PIP_AGAIN)]
    uvs = [name for name, _ in conditional(filled(say.UV_PAGE, url), '"x"', say.UV_AGAIN)]
    assert pips[-3:] == ["Connection", "Cache-Control", "If-None-Match"]
    assert uvs == ["Accept-Encoding", "Accept", "Cache-Control", "If-None-Match", "User-Agent", "Host"]


# -- a browser ----------------------------------------------------------------------------------------------------------


def test_a_browser_takes_what_pages_are_made_of_once_and_only_of_their_host() -> None:
    html = (
        b'<link rel="stylesheet" href="/static/site.css"><script src="/app.js"></script><img src="//other.test/x.png">'
        b'<link rel="search" href="/opensearch.xml"><img src="data:image/gif;base64,R0"><img src="/logo.png#a">'
    )
    answers: Answers = {
        url: Heard(200, HTML, html, url)
        for url in ("http://pypi.test/", "http://pypi.test/search/?q=top", "http://pypi.test/project/top/")
    }
    assets = [f"http://pypi.test/{each}" for each in ("static/site.css", "app.js", "logo.png")]
    answers.update({url: Heard(200, {"etag": '"a"'}, b"x", url) for url in assets})
    here = world()
    asked = walked(browser(here), answers)
    assert [each.url for each in asked] == [
        *("http://pypi.test/", *assets),
        *("http://pypi.test/search/?q=top", "http://pypi.test/project/top/"),
    ]
    assert said(asked[1]) == said(asked[1]) | {"Accept": "text/css,*/*;q=0.1", "Referer": "http://pypi.test/"}
    again = walked(browser(here), answers)
    assert [said(each).get("If-None-Match") for each in again[:2]] == [None, '"a"']


# -- XML-RPC ------------------------------------------------------------------------------------------------------------


def returning(*values: object) -> Callable[[Ask], Heard]:
    """Each in turn; of calls by the order in which they come."""
    left = list(values)

    def answer(ask: Ask) -> Heard:
        value = left.pop(0)
        if isinstance(value, xmlrpc.client.Fault):
            return Heard(200, {}, xmlrpc.client.dumps(value).encode(), ask.url)
        return Heard(200, {}, xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True).encode(), ask.url)

    return answer


def test_calls_only_read_and_are_not_redirected() -> None:
    answers: Answers = {"http://pypi.test/pypi": returning(70, [], [["Owner", "x"]], ["2.0"], [])}
    asked = walked(xmlrpc_client(world()), answers)
    calls = [xmlrpc.client.loads(each.body) for each in asked]
    assert [method for _, method in calls] == [
        *("changelog_last_serial", "changelog_since_serial", "package_roles", "package_releases", "release_urls"),
    ]
    assert calls[1][0] == (50,)
    assert {each.follows for each in asked} == {0}
    assert {said(each)["Content-Type"] for each in asked} == {"text/xml"}
    assert {method for _, method in calls} <= READS
    with pytest.raises(AssertionError, match="may write"):
        next(call(world(), say.XMLRPC, "x", "post_cheesecake_for_release"))


def test_a_retired_call_is_the_end_and_any_other_fault_is_wrong() -> None:
    retired = xmlrpc.client.Fault(-32500, "RuntimeError: PyPI no longer supports the XMLRPC package_releases method.")
    answers: Answers = {"http://pypi.test/pypi": returning(70, [], [], retired)}
    assert len(walked(xmlrpc_client(world()), answers)) == 4
    limited = xmlrpc.client.Fault(-32500, "HTTPTooManyRequests: The action could not be performed")
    with pytest.raises(Wrong, match="TooManyRequests"):
        walked(xmlrpc_client(world()), {"http://pypi.test/pypi": returning(limited)})
    with pytest.raises(Wrong, match="no answer to a call"):
        walked(xmlrpc_client(world()), {"http://pypi.test/pypi": Heard(200, {}, b"<html>", "")})


# -- mirrors ------------------------------------------------------------------------------------------------------------


def document(serial: int, *files: str) -> Heard:
    releases = {"1": [{"url": f"{FILES}/{file}", "digests": {"sha256": sha256(b"f").hexdigest()}} for file in files]}
    return Heard(200, {"x-pypi-last-serial": str(serial)}, json.dumps({"releases": releases}).encode(), "")


def test_bandersnatch_takes_all_of_it_and_then_what_has_changed() -> None:
    answers: Answers = {
        "http://pypi.test/pypi": returning({"Top": 5}, [["Top", "2", 0, "new release", 9]], []),
        "http://pypi.test/pypi/top/json": document(9, "a.whl"),
        f"{FILES}/a.whl": Heard(200, {}, b"f", ""),
    }
    here = world()
    assert [each.name for each in walked(bandersnatch(here), answers)] == [
        *("bandersnatch: list_packages_with_serial", "bandersnatch: json", "bandersnatch: file"),
    ]
    second = walked(bandersnatch(here), answers)
    assert [each.name for each in second] == ["bandersnatch: changelog_since_serial", "bandersnatch: json"]
    third = walked(bandersnatch(here), answers)
    assert [xmlrpc.client.loads(each.body)[0] for each in third] == [(9,)]


def test_a_document_older_than_the_change_is_wrong() -> None:
    answers: Answers = {"http://pypi.test/pypi": returning({"top": 6}), "http://pypi.test/pypi/top/json": document(5)}
    with pytest.raises(Wrong, match="stale: its serial is 5, and 6 was told"):
        walked(bandersnatch(world()), answers)


def test_devpi_asks_again_by_the_etag_and_knows_a_stale_page() -> None:
    url = "http://pypi.test/simple/top/"
    here = world()
    walked(devpi(here), {url: Heard(200, {"etag": '"1"', "x-pypi-last-serial": "8"}, b"", url)})
    (asked,) = walked(devpi(here), {url: Heard(304, {}, b"", url)})
    assert said(asked)["If-None-Match"] == '"1"'
    with pytest.raises(Wrong, match="stale"):
        walked(devpi(here), {url: Heard(200, {"x-pypi-last-serial": "7"}, b"", url)})


# -- all ------------------------------------------------------------------------------------------------------------------


def test_every_kind_of_client_has_a_walk_that_begins_with_a_question() -> None:
    for client in Client:
        assert isinstance(next(walk_of(client)(world())), Ask)


def test_the_index_says_what_there_is_in_either_form() -> None:
    listed = json.dumps({"projects": [{"name": "Zope.Interface"}, {"name": "six"}]}).encode()
    assert names_of(Heard(200, JSON, listed, "")) == ["zope-interface", "six"]
    assert names_of(Heard(200, HTML, b'<a href="/simple/six/">Six</a>', "")) == ["six"]
    with pytest.raises(Wrong, match="it is not JSON"):
        names_of(Heard(200, JSON, b"<html>", ""))


def test_what_is_needed_here_and_without_extras_is_what_counts() -> None:
    lines = b"Requires-Dist: A_b>=1\nRequires-Dist: c; extra == 'x'\nRequires-Dist: d; python_version < '3'\nRequires-Dist: ?\n"
    assert needs_of(b"Metadata-Version: 2.1\n" + lines) == ["a-b"]


def test_those_modules_that_know_locust_are_few() -> None:
    knowing = set()
    for path in (ROOT / "loadtests" / "users").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] in ("locust", "gevent", "geventhttpclient") for name in names):
                knowing.add(path.stem)
    assert knowing == {"classes", "leading", "open_loop", "serving", "shape", "wire"}
