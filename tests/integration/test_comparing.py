"""The two bundled backends, as processes, compared with each other: which of their differences are true ones.

Both answer from one store, as the two sites did in 2018; a third one has a store of its own, with faults planted.
"""

from __future__ import annotations

import http.client
import xmlrpc.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from compared import seen
from packages import LAUNCH, sdist, stored, wheel

from backends.store import Store
from edgeproxy.cli.demo_processes import Processes
from edgeproxy.migration.comparing.answers import Answer, Final, answer_of, digest_of
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Difference, Kind, StatusChanged, kind_of
from edgeproxy.migration.comparing.ignores import Ignores
from edgeproxy.migration.comparing.noise import Noise
from edgeproxy.ruleset.ignores import read_ignore
from edgeproxy.ruleset.modifiers import Comparison

INDEX = Comparison.SIMPLE_INDEX
FILES_URL = "http://files.pypihosted.test"
AS_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
SIX = {"Requires-Python": ">=2.7, !=3.0.*", "Summary": "Python 2 & 3"}
PACKAGES = [
    wheel("six", "1.16.0", SIX),
    sdist("six", "1.16.0", SIX),
    wheel("six", "1.17.0", {"Requires-Python": ">=3.8"}),
    wheel("Zope.Interface", "5.0"),
    sdist("a_b", "1"),
]


@dataclass(frozen=True)
class Backend:
    address: str

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask("GET", path, None, headers or {})

    def call(self, method: str, *arguments: object) -> Answer:
        return self._ask("POST", "/pypi", xmlrpc.client.dumps(arguments, method), {"Content-Type": "text/xml"})

    def follow(self, path: str) -> Answer:
        """With the end of its redirects, on this backend."""
        answer, end = self.get(path), self.get(path)
        while end.is_redirect:
            (location,) = end.values("location")
            end = self.get("/" + location.split("/", 3)[3] if "://" in location else location)
        return replace(answer, final=Final(end.status, digest_of(end.content))) if answer.is_redirect else answer

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, path, body, {"Accept": "*/*", **headers})
            answer = connection.getresponse()
            fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.getheaders()]
            return answer_of(answer.status, fields, answer.read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Backends:
    legacy: Backend
    modern: Backend
    faulty: Backend  # a modern one


def fill(directory: Path, packages: list[object], reason: str) -> Path:
    with Store(directory) as store:
        for package in packages:
            stored(store, package)
        store.yank("six", "1.16.0", reason, LAUNCH)
    return directory


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    place = tmp_path_factory.mktemp("comparing")
    store = fill(place / "store", PACKAGES, "broken")
    # Without a_b and the sdist; with another requires-python, and so with another wheel; and yanked without a reason.
    faulty = fill(place / "faulty", [PACKAGES[0], wheel("six", "1.17.0"), PACKAGES[3]], "")
    listen = ("--listen", "127.0.0.1:0")
    modern = ("backends.modern", *listen, "--files-url", FILES_URL, "--upload-token", "a-token-of-the-tests")
    with Processes() as processes:
        yield Backends(
            Backend(processes.start("legacy", "backends.legacy", "--store", store, *listen)),
            Backend(processes.start("modern", *modern, "--store", store)),
            Backend(processes.start("faulty", *modern, "--store", faulty)),
        )


# The new site tells pages by Accept, and a CDN how long each form of them may be kept, which the old one had not.
CACHED = (read_ignore("header:Vary"), read_ignore("header:Surrogate-Control"))
CACHED_OTHERWISE = Ignores.of(CACHED)


def marks(differences: tuple[Difference, ...]) -> set[tuple[Kind, str]]:
    return {(kind_of(each), each.pattern) for each in differences}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (INDEX, "/simple/"),
        (INDEX, "/simple/six/"),
        (Comparison.JSON, "/pypi/six/json"),
        (Comparison.HTML, "/project/six/"),
    ],
)
def test_a_backend_has_no_difference_with_itself(backends: Backends, kind: Comparison, path: str) -> None:
    for backend in (backends.legacy, backends.modern):
        for headers in ({}, AS_JSON):
            assert compare(kind, backend.get(path, headers), backend.get(path, headers)) == ()
    assert compare(Comparison.XMLRPC, *(backends.legacy.call("list_packages_with_serial") for _ in range(2))) == ()


def test_the_new_site_has_none_between_its_two_forms(backends: Backends) -> None:
    for path in ("/simple/", "/simple/six/", "/simple/zope-interface/"):
        in_html, in_json = backends.modern.get(path), backends.modern.get(path, AS_JSON)
        assert in_html.media_type != in_json.media_type
        for old, new in ((in_html, in_json), (in_json, in_html)):
            assert compare(INDEX, old, new, CACHED_OTHERWISE) == ()


@pytest.mark.parametrize("headers", [{}, AS_JSON], ids=["html", "json"])
def test_the_list_of_projects_is_the_same_on_both_sites(backends: Backends, headers: dict[str, str]) -> None:
    old, new = (each.get("/simple/", headers) for each in (backends.legacy, backends.modern))
    assert marks(compare(INDEX, old, new)) == {(Kind.ADDED, "header:vary"), (Kind.CHANGED, "header:surrogate-control")}
    assert compare(INDEX, old, new, CACHED_OTHERWISE) == ()


@pytest.mark.parametrize("headers", [{}, AS_JSON], ids=["html", "json"])
def test_of_a_project_the_new_site_says_more_and_names_other_hashes(
    backends: Backends, headers: dict[str, str]
) -> None:
    old, new = (each.get("/simple/six/", headers) for each in (backends.legacy, backends.modern))
    assert marks(compare(INDEX, old, new, CACHED_OTHERWISE)) == {
        (Kind.CHANGED, "index:/hash-algorithms"),
        (Kind.CHANGED, "index:/hosts"),
        (Kind.ADDED, "index:/files/*/core-metadata"),  # PEP 658
        (Kind.ADDED, "index:/files/*/yanked"),  # PEP 592
    }
    known = ["hash-algorithms", "hosts", "files/*/core-metadata", "files/*/yanked"]
    ignores = Ignores.of([*CACHED, *(read_ignore(f"index:/{each}") for each in known)])
    assert compare(INDEX, old, new, ignores) == ()


def test_a_project_has_two_canonical_names(backends: Backends) -> None:
    old, new = (each.get("/simple/zope.interface/") for each in (backends.legacy, backends.modern))
    assert compare(INDEX, old, new) == (StatusChanged(200, 301),)


@pytest.mark.parametrize("path", ["/simple/nothing/", "/pypi/nothing/json"])
def test_what_neither_has_both_have_not(backends: Backends, path: str) -> None:
    old, new = (each.get(path) for each in (backends.legacy, backends.modern))
    assert {each for _, each in seen(compare(INDEX, old, new))} <= {"header:cache-control", "header:surrogate-control"}


# What the new JSON API has otherwise, by pattern: a client that reads only what both have notices nothing.
LEFT_OUT = {"_pypi_hidden", "_pypi_ordering"} | {
    f"cheesecake_{each}_id" for each in ("code_kwalitee", "documentation", "installability")
}
NULL_NOW = {
    *("author", "author_email", "download_url", "home_page", "keywords", "license", "maintainer", "maintainer_email"),
    *("platform", "summary"),
}
MORE_SAID = {
    *("description_content_type", "dynamic", "license_expression", "license_files", "project_url", "project_urls"),
    *("provides_extra", "requires_dist", "yanked", "yanked_reason"),
}


def test_the_json_api_of_the_new_site_is_another_document(backends: Backends) -> None:
    old, new = (each.get("/pypi/six/json") for each in (backends.legacy, backends.modern))
    found = marks(compare(Comparison.JSON, old, new))
    assert {each for each in found if not each[1].startswith("json:/")} == {
        (Kind.CHANGED, "header:cache-control"),
        (Kind.CHANGED, "header:surrogate-control"),
        (Kind.MISSING, "header:content-disposition"),
    }
    assert {each for each in found if each[1].startswith("json:/info/")} == {
        *((Kind.MISSING, f"json:/info/{name}") for name in LEFT_OUT),
        *((Kind.TYPE_CHANGED, f"json:/info/{name}") for name in NULL_NOW),
        *((Kind.ADDED, f"json:/info/{name}") for name in MORE_SAID),
        *((Kind.CHANGED, f"json:/info/{name}") for name in ("package_url", "release_url")),
        *((Kind.CHANGED, f"json:/info/downloads/last_{each}") for each in ("day", "week", "month")),
    }
    of_a_file = {
        (Kind.TYPE_CHANGED, "comment_text"),
        (Kind.MISSING, "sha256_digest"),
        (Kind.MISSING, "path"),
        (Kind.CHANGED, "downloads"),
        (Kind.CHANGED, "url"),
        (Kind.ADDED, "digests/blake2b_256"),
        (Kind.ADDED, "core-metadata"),
        (Kind.ADDED, "requires_python"),
        (Kind.ADDED, "upload_time_iso_8601"),
        (Kind.ADDED, "yanked"),
        (Kind.ADDED, "yanked_reason"),
    }
    for where in ("json:/urls/*/", "json:/releases/*/*/"):
        assert {(kind, each.removeprefix(where)) for kind, each in found if each.startswith(where)} == of_a_file
    assert {each for each in found if each[1].count("/") == 1 and each[1].startswith("json:")} == {
        (Kind.ADDED, "json:/ownership"),
        (Kind.ADDED, "json:/vulnerabilities"),
    }


@pytest.mark.parametrize(
    "call",
    [("list_packages",), ("package_releases", "six"), ("release_urls", "six", "1.17.0"), ("search", {"name": "six"})],
)
def test_the_new_site_has_retired_these_calls(backends: Backends, call: tuple[object, ...]) -> None:
    name, *arguments = call
    old, new = (each.call(str(name), *arguments) for each in (backends.legacy, backends.modern))
    assert seen(compare(Comparison.XMLRPC, old, new)) == [
        (Kind.MISSING, "xmlrpc:/params"),
        (Kind.ADDED, "xmlrpc:/fault"),
    ]


def test_a_call_has_the_differences_of_its_result(backends: Backends) -> None:
    """Two releases of one project, as if they were two answers to one call."""
    old, new = (backends.legacy.call("release_urls", "six", version) for version in ("1.16.0", "1.17.0"))
    found = seen(compare(Comparison.XMLRPC, old, new))
    assert (Kind.MISSING, "xmlrpc:/params/0/1") in found
    assert (Kind.ADDED, "xmlrpc:/params/0/0") in found


@pytest.mark.parametrize("path", ["/simple/six", "/simple/Six/", "/pypi/Six/json", "/pypi/zope-interface/json"])
def test_redirects_that_nobody_followed_are_compared_by_their_targets(backends: Backends, path: str) -> None:
    old, new = (each.get(path) for each in (backends.legacy, backends.modern))
    canonical_there = path == "/pypi/zope-interface/json"  # and a redirect to the author's spelling on the old site
    expected = {"/simple/Six/": [(Kind.CHANGED, "header:location")]}.get(path, [])  # /simple/six without its slash
    found = seen(compare(Comparison.REDIRECT, old, new))
    assert found == ([(Kind.STATUS_CHANGED, "status")] if canonical_there else expected)


def test_redirects_that_were_followed_are_compared_by_where_they_end(backends: Backends) -> None:
    modern = backends.modern
    assert compare(Comparison.REDIRECT, modern.follow("/simple/SIX/"), modern.follow("/simple/six/")) == ()
    assert seen(compare(Comparison.REDIRECT, modern.follow("/simple/SIX/"), modern.follow("/simple/a_b/"))) == [
        (Kind.CHANGED, "final:content")
    ]
    assert seen(compare(Comparison.REDIRECT, modern.follow("/simple/SIX/"), modern.follow("/simple/nothing/"))) == [
        (Kind.CHANGED, "final:status")
    ]


@pytest.mark.parametrize("old_form", [{}, AS_JSON], ids=["html", "json"])
@pytest.mark.parametrize("new_form", [{}, AS_JSON], ids=["html", "json"])
def test_planted_faults_are_found_and_nothing_else_is(
    backends: Backends, old_form: dict[str, str], new_form: dict[str, str]
) -> None:
    good, faulty = backends.modern, backends.faulty
    assert seen(compare(INDEX, good.get("/simple/", old_form), faulty.get("/simple/", new_form), CACHED_OTHERWISE)) == [
        (Kind.MISSING, "index:/projects/a-b")
    ]
    assert compare(INDEX, good.get("/simple/a-b/", old_form), faulty.get("/simple/a-b/", new_form)) == (
        StatusChanged(200, 404),
    )
    found = seen(
        compare(INDEX, good.get("/simple/six/", old_form), faulty.get("/simple/six/", new_form), CACHED_OTHERWISE)
    )
    wheel_at = "index:/files/six-1.17.0-py3-none-any.whl"
    sizes = [(Kind.CHANGED, f"{wheel_at}/size")] if old_form == new_form == AS_JSON else []
    assert sorted(found) == sorted(
        [
            (Kind.CHANGED, "index:/files/six-1.16.0-py3-none-any.whl/yanked"),
            (Kind.MISSING, "index:/files/six-1.16.0.tar.gz"),
            (Kind.CHANGED, f"{wheel_at}/core-metadata/sha256"),
            (Kind.CHANGED, f"{wheel_at}/hashes/sha256"),
            (Kind.CHANGED, f"{wheel_at}/url/digest"),
            (Kind.MISSING, f"{wheel_at}/requires-python"),
            *sizes,
        ]
    )


def test_noise_of_the_old_side_hides_no_fault(backends: Backends) -> None:
    noise = Noise()
    for _ in range(20):
        noise.learn(compare(INDEX, backends.modern.get("/simple/six/"), backends.modern.get("/simple/six/", AS_JSON)))
    differences = compare(INDEX, backends.modern.get("/simple/six/"), backends.faulty.get("/simple/six/"))
    assert noise.without_noise(differences) == differences != ()
