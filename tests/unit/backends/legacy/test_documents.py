from __future__ import annotations

import json
from email import message_from_string

from packages import LAUNCH, sdist, stored

from backends.legacy.described import package_info
from backends.legacy.documents import document, padded
from backends.legacy.site import Site
from backends.store import Release, Store

INFO = """{
    "info": {
        "name": "zope.interface", 
        "version": "4.4.3", 
        "author": "", 
        "author_email": "", 
        "maintainer": "", 
        "maintainer_email": "", 
        "home_page": "", 
        "license": "", 
        "summary": "Interfaces", 
        "description": "", 
        "requires_python": "", 
        "download_url": "", 
        "keywords": "", 
        "platform": "", 
        "bugtrack_url": null, 
        "cheesecake_code_kwalitee_id": null, 
        "cheesecake_documentation_id": null, 
        "cheesecake_installability_id": null, 
        "docs_url": null, 
        "_pypi_ordering": 0, 
        "_pypi_hidden": false, 
        "classifiers": [], 
        "package_url": "https://legacy.pypi.test/pypi/zope.interface", 
        "release_url": "https://legacy.pypi.test/pypi/zope.interface/4.4.3", 
        "downloads": {
            "last_day": 0, 
            "last_week": 0, 
            "last_month": 0
        }
    }, 
    "urls": [
        {
            "packagetype": "sdist", 
            "python_version": "source", 
"""  # noqa: W291 - the space that ends a line is what the old site sends


def _document(store: Store, normalized: str, place: int = -1) -> str:
    releases = store.releases(normalized)
    return document(releases[place], releases, store.files(normalized), Site("https"))


def test_a_document_starts_with_what_is_known_of_the_release(store: Store) -> None:
    assert _document(store, "zope-interface").startswith(INFO)


def test_a_document_has_the_files_of_the_release_and_of_all_releases(store: Store) -> None:
    data = json.loads(_document(store, "flask", place=0))
    assert set(data) == {"info", "urls", "releases"}
    assert data["info"]["version"] == "0.2"
    assert [file["filename"] for file in data["urls"]] == ["flask-0.2-py3-none-any.whl"]
    assert {version: len(files) for version, files in data["releases"].items()} == {"0.12.2": 2, "0.2": 1}
    assert data["releases"]["0.2"] == data["urls"]


def test_a_file_of_a_document_has_its_moment_without_a_zone(store: Store) -> None:
    file = json.loads(_document(store, "zope-interface"))["urls"][0]
    assert file["upload_time"] == "2018-04-16T15:00:00"
    assert set(file["digests"]) == {"md5", "sha256"}


def test_a_document_is_plain_ascii(store: Store) -> None:
    stored(store, sdist("other", "1.0", {"Summary": "gr\u00fc\u00df"}))
    assert '"gr\\u00fc\\u00df"' in _document(store, "other")


def test_a_callback_wraps_the_document() -> None:
    assert padded("{}", "f") == "f({})"
    assert padded("{}", None) == "{}"


def test_no_value_of_a_text_form_starts_a_line_of_its_own(store: Store) -> None:
    """Whatever an uploader put there: it is one header, or a line that goes on with one."""
    broken = "a@pypi.test\r\nVersion: 9"
    named = dict.fromkeys(("author", "author_email", "summary", "license", "home_page", "description"), broken)
    lists = dict.fromkeys(("classifiers", "keywords", "platforms", "requires"), (broken, "b\rVersion: 9"))
    release = Release("Flask", "1.0", {**named, **lists, "name": "Flask", "version": "1.0"}, LAUNCH, False, None)
    text = package_info(release)
    assert [line for line in text.splitlines() if line.startswith("Version")] == ["Version: 1.0"]
    assert message_from_string(text).get_all("Version") == ["1.0"]
    assert "Author-email: a at pypi test Version: 9\n" in text


def test_a_text_form_is_written_at_once_whatever_is_in_it(store: Store) -> None:
    """In hours, where each of the spaces is where a search for a line's end begins."""
    spaces = " " * 4_000_000
    info = {"name": "Flask", "version": "1.0", "author": f"a{spaces}b", "summary": f"a{spaces}\n{spaces}b"}
    text = package_info(Release("Flask", "1.0", info, LAUNCH, False, None))
    assert (f"Author: a{spaces}b\n" in text, "Summary: a b\n" in text) == (True, True)
