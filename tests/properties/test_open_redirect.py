"""No client chooses the host of a Location: it is the one that the rule's author wrote, or the one that was asked.

This is why the checker has no family for it: what reading lets through cannot be bent, whatever the path holds.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgeproxy.http.redirection import resolve
from edgeproxy.http.target import BadTarget, Scheme, Target, normalise_path
from edgeproxy.ruleset.leads import with_query
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_path_regex import parse_path_regex
from edgeproxy.ruleset.read_target import parse_target_template
from edgeproxy.ruleset.template import PathTemplate

ORIGIN = re.compile(r"https?://([^/?#:]*)")
ASKED = "asked.test"
WRITTEN = "written.test"

TEMPLATES = [
    "/{rest*}",
    "/{x}/{rest*}",
    "/a{x}/{rest*}",
    "/{x}-{y}/{rest*}",
    "/{x:.*}/{rest*}",
    "/{x}",
    "/{x:[^a]*}b/{y}",
]
REGEXES = ["(?P<x>.*)", "/(?P<x>.*)", "(?P<x>/*)(?P<rest>.*)", "/(?P<x>.)?(?P<rest>.*)", "/(?P<x>[^/]*)(?P<rest>/.*)"]
PATHS = st.one_of(
    st.sampled_from(TEMPLATES).map(lambda source: parse_path_template(source)),
    st.sampled_from(REGEXES).map(lambda source: parse_path_regex(source)),
)
FILTERS = ["", "|lower", "|pep503", "|first", "|urlquote", "|first|lower"]
HOLES = [f"{{{name}{each}}}" for name in ("x", "y", "rest") for each in FILTERS]
TEXTS = ["/", "//", "\\", ".", "..", "@", ":", "%2F", "%5C", "%09", "a", "-", "?q=", "evil.test", "https:", "#"]
ORIGINS = ["", "/", "/a/", f"https://{WRITTEN}", f"http://{WRITTEN}/", f"https://{WRITTEN}:8443/a"]
TARGETS = st.tuples(
    st.sampled_from(ORIGINS), st.lists(st.one_of(st.sampled_from(HOLES), st.sampled_from(TEXTS)), max_size=4)
).map(lambda drawn: drawn[0] + "".join(drawn[1]))
ASKED_PATHS = st.lists(
    st.sampled_from(
        ["/", "//", "\\", "%5C", "%5c", "%2F", "%09", "%0A", "%00", "@", ":", ".", "..", "%2e", "a", "evil.test"]
    ),
    max_size=8,
).map(lambda parts: "/" + "".join(parts))


def host_in_a_browser(location: str) -> str | None:
    """As WHATWG's URL parser has it: backslashes are slashes, tabs and line ends are nothing, blanks at the ends go."""
    seen = location.strip("".join(map(chr, range(0x21)))).translate({9: None, 10: None, 13: None}).replace("\\", "/")
    return urlsplit(urljoin(f"https://{ASKED}/at/once", seen)).hostname


@settings(max_examples=500)
@given(PATHS, TARGETS, ASKED_PATHS)
@example(parse_path_template("/{rest*}"), "/{rest}", "//evil.test/")
@example(parse_path_template("/{rest*}"), "/{rest}", "/\\evil.test/")
@example(parse_path_regex("(?P<x>.*)"), "/{x}", "//evil.test/")
@example(parse_path_template("/{x:.*}/{rest*}"), "/{x}/{rest}", "///evil.test")
@example(parse_path_template("/{rest*}"), f"https://{WRITTEN}/{{rest}}", "//evil.test/")
def test_a_location_leads_to_the_host_that_is_written_or_asked(
    path: PathTemplate | PathRegex, target: str, asked: str
) -> None:
    try:
        template = parse_target_template(target, path)
        normalised = normalise_path(asked)
    except (Refusal, BadTarget):
        return
    captures = path.match(normalised)
    if captures is None:
        return
    location = with_query(template.expand(captures), "q=//evil.test/")
    written = ORIGIN.match(target)
    expected = ASKED if written is None else written[1].lower().rstrip(".")
    assert (host_in_a_browser(location) or "").rstrip(".") == expected
    led = resolve(Target(ASKED, ASKED, "/at/once", None, Scheme.HTTPS), location)
    assert led is None or led.host.rstrip(".") == expected
