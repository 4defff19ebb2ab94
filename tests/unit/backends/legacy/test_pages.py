from __future__ import annotations

from packages import stored, wheel

from backends.legacy.pages import all_page, home_page, release_page, releases_page
from backends.legacy.site import Site
from backends.store import Project, Store

ALL = """<main>
<h1>Package Index</h1>
<p>There are 1 packages here.</p>
<ul>
<li><a href="/pypi/Flask">Flask</a></li>
</ul>
</main>"""


def test_the_index_of_all_lists_all_projects() -> None:
    page = "".join(all_page([Project("Flask", "flask", 1)], 1))
    assert ALL in page
    assert "<title>All packages : Package Index</title>" in page


def test_the_home_page_has_what_came_last_and_says_how_much_there_is(store: Store) -> None:
    page = home_page(store.newest_releases(1), 100_000)
    assert "There are currently 100000 packages here." in page
    assert page.count("<tr><td>") == 1
    assert '<td><a href="/pypi/zope.interface/4.4.3">zope.interface 4.4.3</a></td>' in page


def test_a_project_of_several_releases_gives_the_choice(store: Store) -> None:
    page = releases_page(store.releases("flask")[::-1])
    row = '<tr><td><a href="/pypi/Flask/0.12.2">Flask 0.12.2</a></td><td>Small &amp; &lt;quick&gt;</td></tr>'
    assert row in page
    assert page.index("Flask 0.12.2") < page.index("Flask 0.2")


def test_a_release_page_links_its_files_by_hash(store: Store) -> None:
    (release,) = store.releases("zope-interface")
    (file,) = store.files("zope-interface")
    href = f'href="https://legacy.pypi.test/{file.path}#md5={file.md5}"'
    assert href in release_page(release, [file], Site("https"))


def test_nothing_of_a_release_is_taken_for_markup_or_script(store: Store) -> None:
    evil: dict[str, str | list[str]] = {
        "Summary": "<script>1</script>",
        "Description": "</pre><script>2</script>",
        "Author": '"><script>3</script>',
        "Classifier": ["<script>4</script>"],
        "Home-page": "javascript:alert(5)",
    }
    stored(store, wheel("evil", "1.0", evil))
    (release,) = store.releases("evil")
    page = release_page(release, store.files("evil"), Site("http"))
    assert "<script>" not in page
    assert "javascript:" not in page
    assert "&lt;script&gt;4&lt;/script&gt;" in page


def test_a_home_page_of_the_web_is_linked(store: Store) -> None:
    stored(store, wheel("linked", "1.0", {"Home-page": "http://linked.test/?a=1&b=2"}))
    (release,) = store.releases("linked")
    assert 'href="http://linked.test/?a=1&amp;b=2"' in release_page(release, (), Site("http"))
