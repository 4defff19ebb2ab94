"""Which form of the simple API a client gets for what it says it accepts."""

from __future__ import annotations

import pytest

from backends.modern.negotiation import Form, negotiate

HTML, V1_HTML, V1_JSON = Form.HTML, Form.V1_HTML, Form.V1_JSON

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
UV = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
DEVPI = "application/vnd.pypi.simple.v1+html;q=0.2, application/vnd.pypi.simple.v1+json, text/html;q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, HTML),
        ("", HTML),
        ("*/*", HTML),
        ("text/*", HTML),
        (BROWSER, HTML),
        (PIP, V1_JSON),
        (UV, V1_JSON),
        (DEVPI, V1_JSON),
        ("application/vnd.pypi.simple.v1+json, */*;q=0.1", V1_JSON),
        ("application/vnd.pypi.simple.v1+json", V1_JSON),
        ("APPLICATION/VND.PyPI.simple.v1+JSON", V1_JSON),
        ("application/vnd.pypi.simple.v1+html", V1_HTML),
        ("application/vnd.pypi.simple.latest+json", V1_JSON),
        ("application/vnd.pypi.simple.latest+html", V1_HTML),
        ("application/vnd.pypi.simple.latest+json;q=0.9, text/html;q=0.1", V1_JSON),
        # Equal qualities: the order is the site's, not the client's.
        ("application/vnd.pypi.simple.v1+json, text/html", HTML),
        ("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html", V1_HTML),
        ("application/*", V1_HTML),
        ("application/*, application/vnd.pypi.simple.v1+html;q=0.5", V1_JSON),
        # The most specific range counts, whether it says more or less.
        ("*/*, text/html;q=0", V1_HTML),
        ("*/*;q=0.1, application/vnd.pypi.simple.v1+json;q=0.2", V1_JSON),
        ("text/html;q=0.5, */*;q=0.8", V1_HTML),
        # Nothing fits: the default all the same, never 406.
        ("application/json", HTML),
        ("application/vnd.pypi.simple.v2+json", HTML),
        ("application/vnd.pypi.simple.v1+json;q=0", HTML),
        ("*/*;q=0", HTML),
        # What cannot be read is passed over.
        ("application/vnd.pypi.simple.v1+json;q=high, text/html;q=0.1", HTML),
        ("application/vnd.pypi.simple.v1+json;q=1.5", HTML),
        ("application/vnd.pypi.simple.v1+json;q=0.1234, application/vnd.pypi.simple.v1+html;q=0.1", V1_HTML),
        (";;;,,,", HTML),
        ("text/html;level=1, application/vnd.pypi.simple.v1+json;q=0.1", V1_JSON),
        ("application/vnd.pypi.simple.v1+json ; q = 0.9 , text/html;q=0.8", V1_JSON),
    ],
)
def test_accept_chooses(accept: str | None, form: Form) -> None:
    assert negotiate(accept) is form


@pytest.mark.parametrize(
    ("wanted", "form"),
    [
        ("application/vnd.pypi.simple.v1+json", V1_JSON),
        ("application/vnd.pypi.simple.v1 json", V1_JSON),  # a plus sign, read as a form would
        ("application/vnd.pypi.simple.latest+html", V1_HTML),
        ("text/html", HTML),
        ("application/json", V1_HTML),
        ("", V1_HTML),
    ],
)
def test_format_goes_before_accept_if_it_is_known(wanted: str, form: Form) -> None:
    assert negotiate("application/vnd.pypi.simple.v1+html", wanted) is form
