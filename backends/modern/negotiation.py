"""Which form of the simple API a client gets.

Laws of this module:
- `?format=` goes before `Accept`; what it does not know it passes over;
- qualities order the forms, and between equals the order of `Form` does, so a client that takes anything gets HTML;
- an `Accept` that allows none of the forms gets HTML all the same: never 406;
- the `latest` aliases are answered as what they stand for, version 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    HTML = "text/html"
    V1_HTML = "application/vnd.pypi.simple.v1+html"
    V1_JSON = "application/vnd.pypi.simple.v1+json"


_NAMES = {
    **{form.value: form for form in Form},
    "application/vnd.pypi.simple.latest+html": Form.V1_HTML,
    "application/vnd.pypi.simple.latest+json": Form.V1_JSON,
}

# RFC 9110 12.4.2: no sign, no exponent, at most three decimals.
_QVALUE = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class _Range:
    name: str  # `type/subtype`, `type/*` or `*/*`, in lower case
    quality: float


def negotiate(accept: str | None, wanted: str | None = None) -> Form:
    """`wanted` is the value of `?format=`; a plus sign in it may have been read as a space."""
    if wanted is not None and (form := _NAMES.get(wanted.replace(" ", "+").lower())):
        return form
    if accept is None:
        return Form.HTML
    ranges = list(_ranges(accept))
    best = max(Form, key=lambda form: _quality(form, ranges))
    return best if _quality(best, ranges) > 0 else Form.HTML


def accepts(accept: str, name: str) -> bool:
    """Whether a client takes this one media type."""
    ranges = list(_ranges(accept))
    for names in ((name,), (name.partition("/")[0] + "/*",), ("*/*",)):
        qualities = [found.quality for found in ranges if found.name in names]
        if qualities:
            return max(qualities) > 0
    return False


def _quality(form: Form, ranges: list[_Range]) -> float:
    """That of the most specific range that the form is in; of several such, the highest (RFC 9110 12.5.1)."""
    exact = [name for name, named in _NAMES.items() if named is form]
    for names in (exact, [form.value.partition("/")[0] + "/*"], ["*/*"]):
        qualities = [found.quality for found in ranges if found.name in names]
        if qualities:
            return max(qualities)
    return 0


def _ranges(accept: str) -> Iterator[_Range]:
    for element in accept.split(","):
        name, *parameters = (part.strip().lower() for part in element.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() != "q":
                break  # a range of one special text/html: none of the forms is that
            if not _QVALUE.fullmatch(value.strip()):
                break
            quality = float(value)
        else:
            yield _Range(name, quality)
