from __future__ import annotations

from backends.legacy.simple import index_page, project_page
from backends.legacy.site import Site
from backends.store import Project, Store

SITE = Site("https")


def test_the_index_is_in_the_order_of_names_and_links_to_their_safe_forms() -> None:
    projects = [Project("zope.interface", "zope-interface", 3), Project("a_B", "a-b", 1), Project("Flask", "flask", 2)]
    assert "".join(index_page(projects)) == (
        '<html><head><title>Simple Index</title><meta name="api-version" value="2" /></head><body>\n'
        "<a href='flask'>Flask</a><br/>\n"
        "<a href='a-b'>a_B</a><br/>\n"
        "<a href='zope.interface'>zope.interface</a><br/>\n"
        "</body></html>"
    )


def test_a_project_lists_its_files_by_version_and_name(store: Store) -> None:
    files = store.files("flask")
    oldest, wheel, sdist = files
    assert project_page("flask", files, SITE) == (
        "<!DOCTYPE html><html><head><title>Links for flask</title></head><body><h1>Links for flask</h1>"
        f'<a href="../../{oldest.path}#md5={oldest.md5}" rel="internal">flask-0.2-py3-none-any.whl</a><br/>\n'
        f'<a data-requires-python="&gt;=2.7, &lt;&quot;4&quot;" href="../../{wheel.path}#md5={wheel.md5}"'
        ' rel="internal">flask-0.12.2-py3-none-any.whl</a><br/>\n'
        f'<a data-requires-python="&gt;=2.7, &lt;&quot;4&quot;" href="../../{sdist.path}#md5={sdist.md5}"'
        ' rel="internal">flask-0.12.2.tar.gz</a><br/>\n'
        "</body></html>"
    )


def test_a_project_without_files_has_a_page_without_links() -> None:
    assert project_page("a&b", (), SITE) == (
        "<!DOCTYPE html><html><head><title>Links for a&amp;b</title></head>"
        "<body><h1>Links for a&amp;b</h1></body></html>"
    )
