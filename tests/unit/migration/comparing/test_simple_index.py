"""Simple pages are the sets of files that they list, in whatever form."""

from __future__ import annotations

import pytest
from compared import HTML, SIX, V1_HTML, V1_JSON, WHEEL, File, answer, found, in_html, in_json, with_change

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Changed, Kind, Missing, Unreadable
from edgeproxy.ruleset.modifiers import Comparison

INDEX = Comparison.SIMPLE_INDEX
FILES = [SIX, WHEEL]
SDIST = "index:/files/six-1.17.0.tar.gz"
FORMS = pytest.mark.parametrize("form", [in_html, in_json])


def pages(old: str, new: str, *ignored: str, content_type: str = HTML) -> list[tuple[Kind, str]]:
    return found(INDEX, answer(old, content_type), answer(new, content_type), *ignored)


def files_json(*entries: str, more: str = "") -> Answer:
    return answer(f'{{"meta": {{"api-version": "1.0"}}, "files": [{", ".join(entries)}]{more}}}', V1_JSON)


def entry(more: str = "", name: str = "a-1.zip") -> str:
    return f'{{"filename": "{name}", "url": "/{name}"{more}}}'


def test_the_form_says_nothing() -> None:
    assert found(INDEX, in_html(FILES), in_json(FILES)) == []
    assert found(INDEX, in_json(FILES), in_html(FILES[::-1])) == []
    assert found(INDEX, in_html(FILES), answer(in_html(FILES).content + b"\n", V1_HTML)) == []


def test_nor_does_the_path_of_urls_on_one_host_where_a_hash_says_which_file_it_is() -> None:
    assert pages('<a href="../../packages/a/a-1.zip#md5=aa">a-1.zip</a>', "<a href=/x/a-1.zip#md5=AA>a-1.zip</a>") == []


def test_a_file_that_the_new_side_does_not_list_is_missing() -> None:
    (difference,) = compare(INDEX, in_html(FILES), in_json([WHEEL]))
    assert isinstance(difference, Missing)
    assert (difference.path, difference.pattern) == (SDIST, "index:/files/*")
    assert found(INDEX, in_json([WHEEL]), in_html(FILES)) == [(Kind.ADDED, SDIST)]


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"sha256": "00" * 32}, (Kind.CHANGED, f"{SDIST}/hashes/sha256")),
        ({"requires_python": ""}, (Kind.MISSING, f"{SDIST}/requires-python")),
        ({"requires_python": ">=3.8"}, (Kind.CHANGED, f"{SDIST}/requires-python")),
        ({"yanked": ""}, (Kind.ADDED, f"{SDIST}/yanked")),
        ({"metadata": ""}, (Kind.ADDED, f"{SDIST}/core-metadata")),
        ({"metadata": "00" * 32}, (Kind.ADDED, f"{SDIST}/core-metadata")),
        ({"signed": False}, (Kind.ADDED, f"{SDIST}/gpg-sig")),
        ({"provenance": "/p"}, (Kind.ADDED, f"{SDIST}/provenance")),
    ],
)
@FORMS
def test_each_attribute_of_a_file_counts(form, changes: dict[str, object], difference: tuple[Kind, str]) -> None:
    changed = with_change(FILES, 0, **changes)
    assert found(INDEX, in_html(FILES), form(changed)) == [difference]
    assert found(INDEX, in_json(FILES), form(changed)) == [difference]


def test_a_reason_for_yanking_counts_and_none_is_not_the_same() -> None:
    old, new = [File("a-1.zip", yanked="broken")], [File("a-1.zip", yanked="")]
    assert found(INDEX, in_html(old), in_json(new)) == [(Kind.CHANGED, "index:/files/a-1.zip/yanked")]


@FORMS
def test_the_hash_of_metadata_counts(form) -> None:
    changed = with_change(FILES, 1, metadata="00" * 32)
    path = f"index:/files/{WHEEL.name}/core-metadata"
    assert found(INDEX, in_html(FILES), form(changed)) == [(Kind.CHANGED, f"{path}/sha256")]
    assert found(INDEX, in_html(FILES), form(with_change(FILES, 1, metadata=""))) == [(Kind.MISSING, f"{path}/sha256")]
    assert found(INDEX, in_html(FILES), form(with_change(FILES, 1, metadata=None))) == [(Kind.MISSING, path)]


def test_the_newer_name_of_metadata_counts_where_both_are_there() -> None:  # PEP 714
    old = '<a href="a-1.zip" data-core-metadata="sha256=aa" data-dist-info-metadata="true">a-1.zip</a>'
    assert pages(old, '<a href="a-1.zip" data-core-metadata="sha256=aa">a-1.zip</a>') == []
    new = files_json(entry(', "core-metadata": {"sha256": "aa"}, "dist-info-metadata": false'))
    assert found(INDEX, answer(old, HTML), new) == []


def test_sizes_moments_and_versions_are_compared_between_two_pages_in_json() -> None:
    other = with_change(FILES, 0, size=1, upload_time="2020-01-01T00:00:00Z")
    assert found(INDEX, in_html(FILES), in_json(other)) == []
    assert found(INDEX, in_json(FILES), in_json(other)) == [
        (Kind.CHANGED, f"{SDIST}/size"),
        (Kind.CHANGED, f"{SDIST}/upload-time"),
    ]
    old, new = files_json(more=', "versions": ["1", "2"]'), files_json(more=', "versions": ["2", "3"]')
    assert found(INDEX, old, new) == [(Kind.MISSING, "index:/versions/1"), (Kind.ADDED, "index:/versions/3")]
    assert found(INDEX, old, files_json()) == []  # version 1.0 of the API has no such list


def test_a_page_in_html_need_not_name_every_hash() -> None:
    both = files_json(entry(', "hashes": {"md5": "aa", "sha256": "bb"}'))
    assert found(INDEX, both, answer("<a href=/a-1.zip#sha256=bb>a-1.zip</a>", HTML)) == []
    assert found(INDEX, both, files_json(entry(', "hashes": {"sha256": "bb"}'))) == [
        (Kind.MISSING, "index:/files/a-1.zip/hashes/md5")
    ]


def links(*files: str) -> str:
    """`files`: names with their fragments."""
    return "".join(f"<a href={each}>{each.partition('#')[0]}</a>" for each in files)


def test_pages_whose_hashes_are_of_other_algorithms_differ_once_however_many_files_they_list() -> None:
    old, new = links("a-1.zip#md5=aa", "b-1.zip#md5=aa"), links("a-1.zip#sha256=bb", "b-1.zip#sha256=cc")
    at = "index:/hash-algorithms"
    (difference,) = compare(INDEX, answer(old, HTML), answer(new, HTML))
    assert difference == Changed(at, at, "md5", "sha256")
    in_new_form = files_json(*(entry(f', "hashes": {{"sha256": "{n}"}}', f"{n}-1.zip") for n in "ab"))
    assert found(INDEX, answer(old, HTML), in_new_form) == [(Kind.CHANGED, at)]
    assert pages(old, new, at) == pages(old, new, "index:/files/*/hashes") == []
    assert pages(old, new, "index:/files/*/hashes/md5", "index:/files/*/hashes/sha256") == []


def test_to_ignore_that_algorithms_differ_ignores_no_hash_of_one_that_both_have() -> None:
    at = "index:/hash-algorithms"
    one = links("a-1.zip#sha256=aa", "b-1.zip#md5=aa")
    assert pages(one, links("a-1.zip#sha256=bb", "b-1.zip#md5=aa"), at) == [
        (Kind.CHANGED, "index:/files/a-1.zip/hashes/sha256")
    ]
    assert pages(one, links("a-1.zip#sha256=aa", "b-1.zip#sha256=bb"), at) == [  # the page has one in common
        (Kind.MISSING, "index:/files/b-1.zip/hashes/md5"),
        (Kind.ADDED, "index:/files/b-1.zip/hashes/sha256"),
    ]
    assert pages(one, links("a-1.zip", "b-1.zip"), at) == [  # none at all is not another
        (Kind.MISSING, "index:/files/a-1.zip/hashes/sha256"),
        (Kind.MISSING, "index:/files/b-1.zip/hashes/md5"),
    ]
    both = files_json(entry(', "hashes": {"md5": "aa", "sha256": "bb"}'))
    other = files_json(entry(', "hashes": {"sha256": "cc", "blake2b": "dd"}'))
    assert found(INDEX, both, other, at) == [
        (Kind.ADDED, "index:/files/a-1.zip/hashes/blake2b"),
        (Kind.MISSING, "index:/files/a-1.zip/hashes/md5"),
        (Kind.CHANGED, "index:/files/a-1.zip/hashes/sha256"),
    ]


def test_what_else_is_said_of_files_counts_where_the_algorithms_differ() -> None:
    old, new = links("a-1.zip#md5=aa", "b-1.zip#md5=aa"), links("a-1.zip#sha256=bb")
    assert pages(old, new, "index:/hash-algorithms") == [(Kind.MISSING, "index:/files/b-1.zip")]
    plain, bounded = (
        "<a href=a-1.zip#md5=aa>a-1.zip</a>",
        "<a href=a-1.zip#sha256=bb data-requires-python=3>a-1.zip</a>",
    )
    assert pages(plain, bounded) == [
        (Kind.CHANGED, "index:/hash-algorithms"),
        (Kind.ADDED, "index:/files/a-1.zip/requires-python"),
    ]


def test_the_digest_in_a_path_is_a_hash_that_pages_of_all_ages_share() -> None:
    old = f"<a href='../../packages/ab/cd/{'0' * 60}/a-1.zip#md5=aa'>a-1.zip</a>"
    new = f"<a href='https://files.pypihosted.test/packages/ab/cd/{'1' * 60}/a-1.zip#md5=aa'>a-1.zip</a>"
    assert pages(old, new, "index:/hosts") == [(Kind.CHANGED, "index:/files/a-1.zip/url/digest")]
    assert pages(old, "<a href=/elsewhere/a-1.zip#md5=aa>a-1.zip</a>") == []


HOSTS = "index:/hosts"
HERE = "https://pypi.test/simple/a/"


def asked_here(old: str, new: str, *ignored: str) -> list[tuple[Kind, str]]:
    """Of two pages that a client has asked for at HERE."""
    return found(INDEX, *(answer(each, HTML, url=HERE) for each in (old, new)), *ignored)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://files.test/a-1.zip", "http://files.test/a-1.zip"),
        ("https://files.test/a-1.zip", "https://files.test:8443/a-1.zip"),
        ("https://files.test/a-1.zip", "http://evil.test/a-1.zip"),
        ("../../a-1.zip", "https://files.test/a-1.zip"),
        ("../../a-1.zip", "ftp:/a-1.zip"),
        ("../../a-1.zip", "//files.test/a-1.zip"),
        ("/a-1.zip", "http://pypi.test/a-1.zip"),
        ("/a-1.zip", "http://[::1/a-1.zip"),
    ],
)
def test_files_that_lie_on_another_host_differ_once_however_many_there_are(old: str, new: str) -> None:
    sides = [
        "".join(f"<a href={each.replace('a-1', f'a-{n}')}#md5=aa>a-{n}.zip</a>" for n in "123") for each in (old, new)
    ]
    assert asked_here(*sides) == [(Kind.CHANGED, HOSTS)]
    assert asked_here(*sides, HOSTS) == []
    assert asked_here(*sides[::-1]) == [(Kind.CHANGED, HOSTS)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://files.test/a-1.zip", "HTTPS://Files.Test:443/a-1.zip"),
        ("../../packages/a-1.zip", "https://pypi.test/packages/a-1.zip"),
        ("//pypi.test/p/a-1.zip", "/p/a-1.zip"),
        ("a-1.zip", "./a-1.zip"),
        ("https://files.test/a-1.zip", "https://user@files.test/a-1.zip"),
    ],
)
def test_one_host_has_many_spellings(old: str, new: str) -> None:
    assert asked_here(f"<a href={old}>a-1.zip</a>", f"<a href={new}>a-1.zip</a>") == []


def test_hosts_are_shown_those_that_differ() -> None:
    old = "<a href=https://a.test/a-1.zip#md5=a>a-1.zip</a><a href=b-1.zip#md5=b>b-1.zip</a><a href=c-1.zip#md5=c>c-1.zip</a>"
    new = old.replace("https://a.test", "http://b.test").replace("href=b", "href=http://c.test/b")
    (difference,) = compare(INDEX, answer(old, HTML, url=HERE), answer(new, HTML, url=HERE))
    assert difference == Changed(HOSTS, HOSTS, "https://a.test, https://pypi.test", "http://b.test, http://c.test")


def test_a_base_counts_and_only_the_first_one_does() -> None:
    link = "<a href=a-1.zip#md5=aa>a-1.zip</a>"
    based = f"<head><base target=x><base href=https://files.test/x/><base href=http://other.test/></head>{link}"
    assert asked_here(based, link) == [(Kind.CHANGED, HOSTS)]
    assert asked_here(based, link.replace("a-1", "https://files.test/x/a-1", 1)) == []
    assert asked_here(f"<base href=/other/>{link}", link) == []


def test_both_forms_have_one_host() -> None:
    old = answer("<a href=../../p/a-1.zip>a-1.zip</a>", HTML, url=HERE)
    for url, expected in (
        ("https://pypi.test/p/a-1.zip", []),
        ("https://files.test/p/a-1.zip", [(Kind.CHANGED, HOSTS)]),
    ):
        new = answer(f'{{"files": [{{"filename": "a-1.zip", "url": "{url}"}}]}}', V1_JSON, url=HERE)
        assert found(INDEX, old, new) == expected


def test_files_of_one_side_alone_and_links_to_something_else_have_no_host() -> None:
    old = "<a href=a-1.zip#md5=aa>a-1.zip</a>"
    assert asked_here(old, f"{old}<a href=http://evil.test/b-1.zip>b-1.zip</a>") == [
        (Kind.ADDED, "index:/files/b-1.zip")
    ]


@pytest.mark.parametrize(
    ("old", "new", "differ"),
    [
        ("/p/a-1.zip", "/q/a-1.zip", True),
        ("/p/a-1.zip", "/simple/a/../../p/a-1.zip", False),
        ("/p/a-1.zip?x=1", "/p/a-1.zip?x=2", True),
        ("/p/a-1.zip#sha256=aa", "/gone/a-1.zip#sha256=aa", False),
        ("/p/a-1.zip#sha256=aa", "/gone/a-1.zip#sha256=aa&egg=x", False),
    ],
)
def test_where_no_hash_says_which_file_it_is_its_path_does(old: str, new: str, differ: bool) -> None:
    at = "index:/files/a-1.zip/url/path"
    sides = [f"<a href={each}>a-1.zip</a>" for each in (old, new)]
    assert asked_here(*sides) == ([(Kind.CHANGED, at)] if differ else [])
    assert asked_here(*sides, "index:/files/*/url/path") == asked_here(*sides, "index:/files/*/url") == []


def test_the_path_counts_where_no_algorithm_is_of_both_sides_and_not_on_another_host() -> None:
    old, new = "<a href=/p/a-1.zip#md5=aa>a-1.zip</a>", "<a href=/q/a-1.zip#sha256=bb>a-1.zip</a>"
    apart = "index:/hash-algorithms"
    assert asked_here(old, new, apart) == [(Kind.CHANGED, "index:/files/a-1.zip/url/path")]
    assert asked_here(old, new.replace("/q", "https://files.test/q"), apart, HOSTS) == []
    assert asked_here(old, new.replace("#sha256=bb", ""), apart) == [
        (Kind.CHANGED, "index:/files/a-1.zip/url/path"),
        (Kind.MISSING, "index:/files/a-1.zip/hashes/md5"),
    ]


def test_where_nobody_knows_the_pages_own_url_its_host_is_one_of_its_own() -> None:
    page, based = "<a href=/p/a-1.zip>a-1.zip</a>", "<base href=https://files.test/><a href=p/a-1.zip>a-1.zip</a>"
    assert pages(page, page.replace("/p", "/q")) == [(Kind.CHANGED, "index:/files/a-1.zip/url/path")]
    assert pages(page, page.replace("/p", "p")) == pages(page, page.replace("/p", "../q")) == []
    assert pages(based, page) == [(Kind.CHANGED, HOSTS)]


def test_a_file_that_is_listed_twice_lies_where_both_say() -> None:
    one, other = "<a href=/p/a-1.zip#md5=aa>a-1.zip</a>", "<a href=https://files.test/a-1.zip#md5=aa>a-1.zip</a>"
    assert asked_here(one + other, other + one + one) == []
    assert asked_here(one + other, one) == [(Kind.CHANGED, HOSTS)]


def test_the_text_of_a_link_counts_where_it_is_not_the_file_name() -> None:
    assert pages("<a href=a-1.zip>a-1.zip</a>", "<a href=a-1.zip>A 1</a>") == [
        (Kind.ADDED, "index:/files/a-1.zip/filename")
    ]


def test_a_link_to_something_else_is_no_file() -> None:  # PEP 438: homepages and download pages
    old = '<a href="a-1.zip#md5=aa">a-1.zip</a><a href="http://a.test/" rel="homepage">1 home_page</a>'
    assert pages(old, "<a href=a-1.zip#md5=aa>a-1.zip</a>") == [(Kind.MISSING, "index:/files/link http:~1~1a.test~1")]


def test_a_file_listed_twice_is_one_and_listed_otherwise_another_in_any_order() -> None:
    one, other = "<a href=a-1.zip#md5=aa>a-1.zip</a>", "<a href=a-1.zip#md5=bb>a-1.zip</a>"
    assert pages(one, one + one) == []
    assert pages(one + other, other + one + other) == []
    assert pages(one, other + one) == [(Kind.ADDED, "index:/files/a-1.zip#2")]


def test_pages_of_all_projects_are_sets_of_names() -> None:
    old = "<a href='zope.interface'>zope.interface</a><br/>\n<a href='six'>six</a><br/>"
    new = '<a href="/simple/six/">six</a><a href="/simple/zope-interface/">zope.interface</a>'
    named = '{"projects": [{"name": "six", "_last-serial": 1}, {"name": "zope.interface"}]}'
    assert pages(old, new) == []
    assert found(INDEX, answer(old, HTML), answer(named, V1_JSON)) == []
    assert pages(old, new.replace(">six<", ">Six<")) == [(Kind.CHANGED, "index:/projects/six/name")]
    assert pages(old, new.replace("six", "pip")) == [
        (Kind.MISSING, "index:/projects/six"),
        (Kind.ADDED, "index:/projects/pip"),
    ]


def test_a_project_may_be_called_as_a_file_is() -> None:
    page = '<a href="/simple/it.zip/">it.zip</a><a href="/simple/b/">b</a>'
    assert pages(page, page.replace("it.zip", "it.ZIP")) == [(Kind.CHANGED, "index:/projects/it-zip/name")]


def test_a_project_without_files_is_the_same_in_both_forms() -> None:
    assert found(INDEX, answer("<html><body></body></html>", HTML), files_json()) == []


@pytest.mark.parametrize(
    ("meta", "path"),
    [
        ('<meta name="pypi:repository-version" content="2.0">', "index:/api-version"),
        ('<meta name="pypi:project-status" content="archived">', "index:/project-status"),
        ('<meta name="pypi:project-status-reason" content="moved">', "index:/project-status/reason"),
        ('<meta name="pypi:tracks" content="https://pypi.test/simple/a/">', "index:/tracks"),
        ('<meta name="pypi:alternate-locations" content="https://pypi.test/simple/a/">', "index:/alternate-locations"),
    ],
)
def test_what_a_page_says_of_itself_counts(meta: str, path: str) -> None:
    old, new = pages("", f"<head>{meta}</head>"), pages(f"<head>{meta}</head>", "")
    assert [each for _, each in old] == [each for _, each in new] == [path]


def test_both_forms_say_it_of_themselves_alike() -> None:
    old = """<meta name="pypi:repository-version" content="1.1"><meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="moved">
    <meta name="pypi:tracks" content="https://b.test/a"><meta name="pypi:tracks" content="https://a.test/a">"""
    new = """{"meta": {"api-version": "1.4", "tracks": ["https://a.test/a", "https://b.test/a"]}, "name": "a",
    "project-status": {"status": "archived", "reason": "moved"}, "files": []}"""
    assert found(INDEX, answer(old, HTML), answer(new, V1_JSON)) == []


def test_the_name_of_a_project_is_the_same_in_every_spelling() -> None:
    one, two = files_json(more=', "name": "zope.interface"'), files_json(more=', "name": "Zope_Interface"')
    assert found(INDEX, one, two) == []
    assert found(INDEX, one, files_json(more=', "name": "zope"')) == [(Kind.CHANGED, "index:/name")]


@pytest.mark.parametrize(
    ("content", "content_type", "why"),
    [
        ("<a href=a-1.zip>a-1.zip</a>", "text/plain", "no installer takes"),
        ("<a href=a-1.zip>a-1.zip</a>", "", "no installer takes"),
        ("{}", V1_JSON, "neither files nor projects"),
        ("[]", V1_JSON, "neither files nor projects"),
        ('{"files": {}}', V1_JSON, "no list"),
        ('{"files": [1]}', V1_JSON, "files[0]"),
        ('{"files": [{"filename": "a"}]}', V1_JSON, "files[0]"),
        ('{"projects": [{}]}', V1_JSON, "projects[0]"),
        ('{"files": [', V1_JSON, "line 1"),
    ],
)
def test_what_is_no_simple_page_is_told_of_the_side_it_comes_from(content: str, content_type: str, why: str) -> None:
    (difference,) = compare(INDEX, in_html(FILES), answer(content, content_type))
    assert isinstance(difference, Unreadable)
    assert (difference.side, why in difference.why) == ("new", True)


def test_values_of_a_wrong_type_are_differences_and_no_failures() -> None:
    odd = files_json(entry(', "requires-python": 3, "hashes": [], "yanked": 7, "core-metadata": "yes", "gpg-sig": {}'))
    assert found(INDEX, files_json(entry()), odd) == [
        (Kind.ADDED, f"index:/files/a-1.zip/{each}")
        for each in ("core-metadata", "gpg-sig", "requires-python", "yanked")
    ]


def test_values_are_shown_in_short() -> None:
    (difference,) = compare(
        INDEX, in_html([File("a-1.zip", requires_python="x" * 9999)]), in_html([File("a-1.zip", requires_python="y")])
    )
    assert isinstance(difference, Changed)
    assert len(difference.old) == 200
