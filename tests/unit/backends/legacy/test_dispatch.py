from __future__ import annotations

import pytest

from backends.legacy.asked import (
    Asked,
    Browse,
    Call,
    Daytime,
    Digest,
    Directory,
    Doap,
    Document,
    Facts,
    Feed,
    FileAt,
    FileList,
    Home,
    Login,
    Malformed,
    Missing,
    Moved,
    Notice,
    PackageInfo,
    ProjectPage,
    Purge,
    Refused,
    Search,
    Serial,
    Signature,
    SimpleIndex,
    SimpleProject,
    Write,
)
from backends.legacy.dispatch import dispatch, script_of

HASHED = ("25", "2c", "c4" * 30, "flask-1.0.tar.gz")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", Moved("/pypi", 302)),
        ("/simple", Moved("/simple/")),
        ("/simple/", SimpleIndex()),
        ("/simple/flask", Moved("/simple/flask/")),
        ("/simple/Flask", Moved("/simple/Flask/")),
        ("/simple/flask/", SimpleProject("flask")),
        ("/simple/zope%2Einterface/", SimpleProject("zope.interface")),
        ("/simple/flask/1.0/", Missing("flask/1.0")),
        ("/simple/flask/1.0", Moved("/simple/flask/1.0/")),
        ("/simple//", SimpleProject("")),
        ("/packages", Moved("/packages/")),
        ("/packages/", FileAt(("",))),
        ("/packages/source/f", Moved("/packages/source/f/")),
        ("/packages/source/f/Flask", Moved("/packages/source/f/Flask/")),
        ("/packages/source/f/Flask/", FileAt(("source", "f", "Flask", ""))),
        ("/packages/source/F/Flask/flask-1.0.tar.gz", FileAt(("source", "F", "Flask", "flask-1.0.tar.gz"))),
        ("/packages/" + "/".join(HASHED), FileAt(HASHED)),
        ("/packages/2.7/a/a/a-1%2Blocal.whl", FileAt(("2.7", "a", "a", "a-1+local.whl"))),
        ("/packages/a/b/c/d/e", FileAt(("a", "b", "c", "d", "e"))),
        ("/serial", Serial()),
        ("/serial/", Serial()),
        ("/daytime", Daytime()),
        ("/pypi", Home()),
        ("/pypi/", Notice.INDEX),
        ("/pypi/flask", ProjectPage("flask", None)),
        ("/pypi/flask/", ProjectPage("flask", None)),
        ("/pypi/flask/1.0", ProjectPage("flask", "1.0")),
        ("/pypi/flask/1.0/", ProjectPage("flask", "1.0")),
        ("/pypi/flask/1.0/json/x", ProjectPage("flask", "1.0")),
        ("/pypi/flask/json", Document("flask", None, None)),
        ("/pypi/flask/json/", Document("flask", None, None)),
        ("/pypi/flask/1.0/json", Document("flask", "1.0", None)),
        ("/pypi/flask/1.0/display", ProjectPage("flask", "1.0")),
        ("/pypi/flask/1.0/submit", Write("submit")),
        ("/pypi/flask/1.0/nothing", Missing("")),
        ("/mirrors", Notice.MIRRORS),
        ("/stats/days", Moved("/stats/days/")),
        ("/stats/days/", Directory("/stats/days/")),
        ("/stats/years/", Missing("/stats/years/")),
        ("/pypi/flask/1.0/doap", Doap("flask", "1.0")),
        ("/pypi/flask/doap", Doap("flask", None)),
        ("/nothing/here", Missing("/nothing/here")),
        ("/%ff", Missing("/%ff is not UTF-8 encoded")),
        ("*", Missing("*")),
    ],
)
def test_a_path_asks(path: str, asked: Asked) -> None:
    assert dispatch(Facts(path)) == asked


@pytest.mark.parametrize("path", ["/Simple/flask/", "/PACKAGES/flask", "/Serial/flask", "/PyPI/flask", "/pypi/flask"])
def test_a_script_in_another_case_is_the_web_page_of_what_follows_it(path: str) -> None:
    assert dispatch(Facts(path)) == ProjectPage("flask", None)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({":action": "json", "name": "flask"}, Document("flask", None, None)),
        ({":action": "json", "name": "flask", "version": "1.0"}, Document("flask", "1.0", None)),
        ({":action": "json", "name": "flask", "callback": "f"}, Document("flask", None, "f")),
        ({":action": "json"}, Missing("no package name supplied")),
        ({":action": "display", "name": "flask"}, ProjectPage("flask", None)),
        ({":action": "display", "name": "flask", "version": "1.0"}, ProjectPage("flask", "1.0")),
        ({":action": "display", "name": "flask", "version": "json"}, Document("flask", None, None)),
        ({":action": "home"}, Home()),
        ({":action": "file_upload"}, Write("file_upload")),
        ({":action": "submit"}, Write("submit")),
        ({":action": "submit_pkg_info"}, Write("submit_pkg_info")),
        ({":action": "verify"}, Write("verify")),
        ({":action": "doc_upload"}, Write("doc_upload")),
        ({":action": "serverinfo"}, Missing("")),
        ({":action": "browse", "c": "12"}, Browse((12,), False, False)),
        ({":action": "browse", "c": "x", "show": "all"}, Browse((), True, False)),
        ({":action": "search", "term": " The Flask! "}, Search(("flask",))),
        ({":action": "search", "term": "to be"}, Malformed("You need to supply a search term")),
        ({":action": "display_pkginfo", "name": "flask"}, PackageInfo("flask", None)),
        ({":action": "files", "name": "flask", "version": "1"}, FileList("flask", "1")),
        ({":action": "files"}, Refused("Name and version are required")),
        ({":action": "show_md5", "digest": "ab"}, Digest("ab")),
        ({":action": "purge", "project": "flask"}, Purge(("flask",))),
        ({":action": "rss"}, Feed.RELEASES),
        ({":action": "login"}, Login("You must login to access this feature")),
        ({":action": ""}, Home()),
    ],
)
def test_an_action_asks(fields: dict[str, str], asked: Asked) -> None:
    assert dispatch(Facts("/pypi", tuple(fields.items()))) == asked


def test_a_display_without_a_name_is_malformed() -> None:
    assert isinstance(dispatch(Facts("/pypi", ((":action", "display"),))), Malformed)


def test_an_action_wins_over_the_path_and_takes_no_name_from_it() -> None:
    assert dispatch(Facts("/pypi/flask", ((":action", "json"),))) == Missing("no package name supplied")


def test_the_path_wins_over_other_fields() -> None:
    fields = (("name", "other"), ("version", "2.0"))
    assert dispatch(Facts("/pypi/flask", fields)) == ProjectPage("flask", "2.0")
    assert dispatch(Facts("/pypi/flask/1.0", fields)) == ProjectPage("flask", "1.0")


@pytest.mark.parametrize(
    "fields",
    [
        ((":action", "json"), (":action", "json")),
        ((":action", "json"), ("name", "a"), ("name", "b")),
    ],
)
def test_what_is_given_twice_is_malformed(fields: tuple[tuple[str, str], ...]) -> None:
    assert isinstance(dispatch(Facts("/pypi", fields)), Malformed)


def test_a_robot_has_nothing_to_browse() -> None:
    fields = ((":action", "browse"), ("c", "1"))
    for name in ("", "bingbot", "Yahoo! Slurp"):
        assert dispatch(Facts("/pypi", fields, user_agent=name)) == Browse((), False, True)


def test_what_is_gone_is_gone_below_its_script_too() -> None:
    assert dispatch(Facts("/serversig/flask/")) == Signature("/flask/")


def test_only_the_exact_content_type_is_a_call() -> None:
    for path in ("/pypi", "/pypi/", "/pypi/flask", "/PyPI"):
        assert dispatch(Facts(path, content_type="text/xml", call=b"<x/>")) == Call(b"<x/>")
    assert dispatch(Facts("/pypi", content_type="text/xml; charset=utf-8")) == Home()


def test_a_call_wins_over_an_action_but_not_over_a_special_script() -> None:
    fields = ((":action", "json"),)
    assert dispatch(Facts("/pypi", fields, "text/xml", b"")) == Call(b"")
    assert dispatch(Facts("/serial", fields, "text/xml", b"")) == Serial()


def test_no_path_can_break_out_of_a_location() -> None:
    assert dispatch(Facts("/simple/a%0d%0aSet-Cookie:x%5c")) == Moved("/simple/a%0D%0ASet-Cookie:x%5C/")


@pytest.mark.parametrize(
    ("path", "script"),
    [("/simple", "simple"), ("/simple/a/b", "simple"), ("/", ""), ("/%73imple/", "simple"), ("/%ff/", "\ufffd")],
)
def test_a_script_is_the_first_segment(path: str, script: str) -> None:
    assert script_of(path) == script
