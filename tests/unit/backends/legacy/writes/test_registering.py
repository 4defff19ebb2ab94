"""Releases registered at the old site: by whom, by what, and in which words they are refused."""

from __future__ import annotations

import re

import pytest
from aiohttp.test_utils import TestClient
from old_writes import EVE, multipart, posted, registered, submission, upload_of
from packages import LAUNCH, core_metadata, sdist, wheel
from uploads import basic

from backends.steps import at_once
from backends.store import Store, accounts
from backends.store.accounts import Account
from backends.store.checking import check
from backends.store.substrings import brief_of

SDIST = sdist("Flask", "1.0", {"Summary": "Small"})
WHEEL = wheel("Flask", "1.0", {"Summary": "Small", "Requires-Python": ">=2.7"})


async def test_a_release_is_registered_by_what_is_said_of_it(client: TestClient, store: Store) -> None:
    status, _, body = await posted(client, multipart(submission()))
    assert (status, "<h1>Flask 1.0</h1>" in body) == (200, True)
    [release] = store.releases("flask")
    assert (release.summary, release.text("license"), release.several("keywords")) == ("Small", "", ("web", "wsgi"))
    assert release.several("classifiers") == ("Framework :: Flask", "Topic :: Internet")
    assert store.roles("flask") == [("Owner", "armin")]
    assert [change.action for change in store.changes_after(0)] == ["create", "new release", "add Owner armin"]
    assert [found.name for found in store.find("small", 5).hits] == ["Flask"]
    async with client.get("/simple/flask/") as page:
        assert (page.status, "<a " in await page.text()) == (200, False)


async def test_what_is_said_again_takes_the_place_of_what_was_said(client: TestClient, store: Store) -> None:
    await registered(client)
    await registered(client)
    assert store.last_serial() == 3, "nothing was new"
    changed = submission(summary="Large", home_page="UNKNOWN", classifiers=["Topic :: Software Development"])
    assert (await posted(client, multipart(changed)))[0] == 200
    [release] = store.releases("flask")
    assert (release.summary, release.text("home_page"), release.text("author")) == ("Large", "", "Armin")
    assert store.changes_after(3)[0].action == "update classifiers, home_page, summary"
    assert at_once(store.classified(["Topic :: Internet"])) == {}
    assert [brief_of(line).version for line in store.search({"summary": ["large"]})] == ["1.0"]
    assert store.search({"summary": ["small"]}) == []
    assert list(check(store)) == []


async def test_a_release_is_hidden_as_it_is_registered(client: TestClient, store: Store) -> None:
    await registered(client, _pypi_hidden="1")
    assert store.releases("flask")[0].hidden
    await registered(client, _pypi_hidden="0")
    assert not store.releases("flask")[0].hidden


@pytest.mark.parametrize("as_file", [True, False])
async def test_a_release_is_registered_by_its_pkg_info(client: TestClient, store: Store, as_file: bool) -> None:
    info = core_metadata("Flask", "1.0", {"Summary": "Told", "Classifier": ["Topic :: Internet"]})
    fields = [(":action", "submit_pkg_info")]
    data = multipart(fields, pkginfo=info) if as_file else multipart([*fields, ("pkginfo", info.decode())])
    assert (await posted(client, data))[0] == 200
    assert store.releases("flask")[0].summary == "Told"


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (b"", "You must supply the PKG-INFO file"),
        (b"Name: Flask\n", 'Missing required field "version"'),
        (b"Name: Flask\nVersion: 1\nSummary: \xff\n", "~Your PKG-INFO file must be either ASCII or UTF-8.*"),
    ],
)
async def test_a_pkg_info_is_refused_because(client: TestClient, store: Store, info: bytes, why: str) -> None:
    status, reason, _ = await posted(client, multipart([(":action", "submit_pkg_info")], pkginfo=info))
    assert status == 400
    assert re.fullmatch(why.removeprefix("~") if why.startswith("~") else re.escape(why), reason)
    assert store.projects() == []


def nobody() -> str:
    return basic("nobody", "correct horse 1")


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("submit", "You must login to access this feature"),
        ("submit_pkg_info", "You must be identified to store package information"),
        ("file_upload", "You must be identified to edit package information"),
        ("doc_upload", "You must be identified to edit package information"),
    ],
)
@pytest.mark.parametrize(
    "authorization", [None, basic("armin", "wrong"), nobody(), "Basic !", "Bearer x", "Basic /w=="]
)
async def test_who_is_not_identified_writes_nothing(
    client: TestClient, store: Store, action: str, why: str, authorization: str | None
) -> None:
    data = multipart(submission(__action=action, filetype="sdist"), SDIST)
    status, reason, body = await posted(client, data, authorization)
    assert (status, reason, body) == (401, why, f"Login required\n\n{why}\n\n")
    assert (store.projects(), list((store.directory / "incoming").iterdir())) == ([], [])


async def test_the_challenge_is_a_basic_one(client: TestClient) -> None:
    async with client.post("/pypi", data={":action": "submit"}) as answer:
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="pypi"'


async def test_a_new_account_writes_nothing_before_it_is_confirmed(client: TestClient, store: Store) -> None:
    accounts.register(store, Account("new", "new@pypi.test", is_confirmed=False), "correct horse 1")
    status, reason, _ = await posted(client, multipart(submission()), basic("new", "correct horse 1"))
    assert (status, reason) == (401, "Incomplete registration; check your email")


async def test_a_project_is_its_owners_and_maintainers(client: TestClient, store: Store) -> None:
    await registered(client)
    for action, word in (("submit", "store"), ("file_upload", "edit"), ("doc_upload", "edit")):
        data = multipart(submission(__action=action, filetype="sdist"), SDIST)
        status, reason, _ = await posted(client, data, EVE)
        assert (status, reason) == (403, f"You are not allowed to {word} 'Flask' package information")
    store.grant("flask", "Maintainer", "eve", LAUNCH)
    assert (await posted(client, upload_of(SDIST), EVE))[0] == 200


@pytest.mark.parametrize("action", ["submit", "submit_pkg_info"])
async def test_a_name_that_differs_in_its_spelling_only_is_a_conflict(client: TestClient, action: str) -> None:
    await registered(client)
    info = core_metadata("flask", "1.0")
    status, reason, _ = await posted(client, multipart(submission(__action=action, name="flask"), pkginfo=info))
    assert (status, reason) == (403, "Package name conflicts with existing package 'Flask'")


async def test_a_project_is_registered_before_its_files(client: TestClient, store: Store) -> None:
    status, reason, _ = await posted(client, upload_of(SDIST))
    assert (status, reason) == (403, "You are not allowed to edit 'Flask' package information")
    assert store.projects() == []


@pytest.mark.parametrize("action", ["submit", "file_upload"])
async def test_requirements_txt_is_no_name(client: TestClient, action: str) -> None:
    data = multipart(submission(__action=action, name="requirements.txt", filetype="sdist"), SDIST)
    assert (await posted(client, data))[:2] == (403, "Package name 'requirements.txt' invalid")


@pytest.mark.parametrize("status", ["archived", "quarantined"])
async def test_a_closed_project_takes_no_files(client: TestClient, store: Store, status: str) -> None:
    await registered(client)
    store.set_status("flask", status, None, LAUNCH)  # type: ignore[arg-type]
    for data in (upload_of(SDIST), multipart(submission(summary="Other"))):
        code, reason, _ = await posted(client, data)
        assert (code, reason) == (403, f"Project 'Flask' is {status} and takes no new files")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": ""}, 'Missing required field "name"'),
        ({"version": "UNKNOWN"}, 'Missing required field "version"'),
        ({"name": "fl*sk"}, "~Invalid package name. Names must contain only .*"),
        ({"name": "-flask"}, "Invalid package name. Names must start with an ASCII letter or digit"),
        ({"name": "flask-"}, "Invalid package name. Names must end with an ASCII letter or digit"),
        ({"version": "1.0+local"}, "Invalid version, cannot use PEP 440 local versions on PyPI."),
        ({"version": "one"}, "Invalid version, cannot be parsed as a valid PEP 440 version."),
        ({"version": "9" * 5000}, "Invalid version, cannot be parsed as a valid PEP 440 version."),
        ({"requires": "click (" + ",".join(["<=1"] * 200)}, '~Bad "requires" syntax: .*'),
        ({"requires": "click >= 2"}, "Bad \"requires\" syntax: 'click >= 2'"),
        ({"obsoletes": "click ()"}, "Bad \"obsoletes\" syntax: 'click ()'"),
        ({"provides": "click (>2"}, "Bad \"provides\" syntax: 'click (>2'"),
        ({"requires_dist": "a @ http://a.test/"}, '~Bad "requires_dist" syntax: .*'),
        ({"classifiers": "Private :: Do Not Upload"}, 'Invalid classifier "Private :: Do Not Upload"'),
        ({"home_page": "flask"}, "Invalid URI: 'flask'"),
        ({"home_page": "ftp://flask.test/"}, "Invalid scheme 'ftp' for URI 'ftp://flask.test/'"),
    ],
)
async def test_what_is_said_of_a_release_is_refused_because(
    client: TestClient, store: Store, changes: dict[str, str], why: str
) -> None:
    for action, heading in (("submit", "Error processing form"), ("verify", "Package verification")):
        status, reason, body = await posted(client, multipart(submission(__action=action, **changes)))
        assert status == 400
        assert re.fullmatch(why.removeprefix("~") if why.startswith("~") else re.escape(why), reason)
        assert body == f"{heading}\n\n{reason}\n\n"
    assert store.projects() == []


async def test_everybody_may_have_looked_at_what_they_would_submit(client: TestClient, store: Store) -> None:
    status, _, body = await posted(client, multipart(submission(__action="verify")), None)
    assert (status, "Validated OK" in body, store.projects()) == (200, True, [])


async def test_a_reason_is_short_whatever_it_quotes(client: TestClient) -> None:
    """Clients read no status line of more than 8 KiB; the whole of it is the body's."""
    value = "click >= 2" * 10_000
    status, reason, body = await posted(client, multipart(submission(requires=[value])))
    assert (status, len(reason), value in body) == (400, 1000, True)
