"""HTML from templates, with everything that is put in escaped."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import jinja2

from backends.modern.visit import path_of
from backends.steps import Steps, joined


def _is_web_url(text: str) -> bool:
    """Whether an uploader's URL may become a link: escaping alone would let `javascript:` through."""
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("backends.modern"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_templates.tests["web_url"] = _is_web_url
_templates.globals["path_of"] = path_of


def html(template: str, **values: object) -> bytes:
    return _templates.get_template(template).render(values).encode()


def html_in_steps(template: str, **values: object) -> Steps[bytes]:
    """What is long is to be put in by iterators."""
    return (yield from joined(_templates.get_template(template).generate(values))).encode()


def json_line(document: object) -> bytes:
    return json_text(document).encode() + b"\n"


def json_text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
