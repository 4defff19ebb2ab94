"""Rendered descriptions fit into a page: what is in nobody's way goes out as it came in."""

from __future__ import annotations

import pytest
from readme_renderer import markdown, rst

from backends.modern.mending import mended


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ("<h1>a</h1><h4>b</h4><h1>c</h1>", "<h3>a</h3><h4>b</h4><h3>c</h3>"),
        ("<h3>a</h3><h2>b</h2><h3>c</h3>", "<h3>a</h3><h3>b</h3><h4>c</h4>"),
        (
            "<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>",
            "<h3>1</h3><h4>2</h4><h5>3</h5><h6>4</h6><h6>5</h6><h6>6</h6>",
        ),
        ('<p id="files">x</p>', '<p id="user-content-files">x</p>'),
        ('<h1 id="user-content-x">x</h1>', '<h3 id="user-content-x">x</h3>'),
        ('<a href="#x"></a>', ""),
        ('<a href="#x"> <b></b></a>', " <b></b>"),
        ('<a id="x"></a>', '<span id="user-content-x"></span>'),
        ('<img src="http://a.test/b">', '<img src="http://a.test/b" alt="">'),
        ('<img src="b" alt="a b">', '<img src="b" alt="a b">'),
        ('<a href="http://a.test/b/"><img src="c" alt=""></a>', '<a href="http://a.test/b/"><img src="c" alt="a.test/b"></a>'),
        ('<a href="b"><img src="c"> text</a>', '<a href="b"><img src="c" alt=""> text</a>'),
        ('<a href="http://["><img src="c"></a>', '<a href="http://["><img src="c" alt="link"></a>'),
        ('<input type="checkbox" checked="" disabled="">', '<input type="checkbox" checked="" disabled="" aria-label="done">'),
        ('<pre lang="python">x</pre>', "<pre>x</pre>"),
        ("a &amp; b &lt; &#60; <br> <b>c</b>", "a &amp; b &lt; &#60; <br> <b>c</b>"),
    ],
)  # fmt: skip
def test_what_needs_mending_is_mended(came: str, goes: str) -> None:
    assert mended(came) == goes


def test_what_is_put_in_ends_no_attribute_and_no_tag() -> None:
    made = mended(
        '<p id="&quot;&gt;&lt;b&gt;">x</p><a href="http://a.test/&quot;&gt;&lt;script&gt;"><img src="&quot;"></a>'
    )
    assert "<b>" not in made
    assert "<script" not in made
    assert 'id="user-content-&quot;&gt;&lt;b&gt;"' in made


@pytest.mark.parametrize(
    "text", ["plain *words* & <b>tags</b>, `code`\n\n- a\n- b\n\n> quoted\n\n| a |\n|---|\n| 1 |\n"]
)
def test_what_needs_none_stays_as_it_is(text: str) -> None:
    for made in (markdown.render(text), rst.render("Some *text*, ``code`` & `a link <http://a.test/?a=1&b=2>`_.\n")):
        assert made is not None
        assert mended(made) == made
