"""The shape of a URL: its path, with what stands for one of many things as a name in braces.

Laws of this module:
- the rule's own template says it best; only what its rest captures, `{rest*}`, is guessed;
- there are few shapes, whoever asks for what: a guess keeps words, and a path of more than MOST_SEGMENTS is cut.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from edgeproxy.ruleset.template import PathTemplate

MOST_SEGMENTS: Final = 8

# What a segment looks like, the first that fits; the rest is a name.
_LOOKS: Final = (
    (re.compile("[0-9a-f]{2}|[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I), "{hex}"),
    (re.compile("[0-9]+"), "{number}"),
    (re.compile(r"v?[0-9]+(?:\.[0-9A-Za-z]+)+(?:[.+!-][0-9A-Za-z.]*)?"), "{version}"),
    (re.compile(r".+\.(?:whl|tar\.gz|zip|egg|tar\.bz2|tgz|metadata|asc|exe|msi|rpm|deb)", re.I), "{file}"),
)
# Words that sites have in their paths. Anything else may be the name of a project, a user, a page.
_WORDS: Final = frozenset(
    (
        *(
            "account",
            "accounts",
            "admin",
            "api",
            "assets",
            "classifiers",
            "css",
            "daytime",
            "docs",
            "doap",
            "favicon.ico",
        ),
        *("files", "fonts", "help", "images", "img", "js", "json", "legacy", "locale", "login", "logout", "manage"),
        *("packages", "project", "p", "provenance", "integrity", "pypi", "releases.xml", "robots.txt", "rss", "RPC2"),
        *("search", "security", "serial", "serversig", "simple", "sitemap.xml", "source", "static", "stats", "u"),
        *("updates.xml", "packages.xml", "user", "_health", "_debug"),
    )
)


class Written(NamedTuple):
    """What a rule's template says of the paths that it matches: `text`, and, where a rest follows that is guessed,
    behind how many segments.
    """

    text: str
    known: int | None

    @classmethod
    def of(cls, template: PathTemplate) -> Written:
        if template.rest is None:
            return cls(template.source, None)
        known = len(template.segments)
        return cls("/".join(template.source.split("/")[: known + 1]), known)

    def shape(self, path: str) -> str:
        if self.known is None:
            return self.text
        return self.text + guessed("/" + "/".join(path.split("/")[self.known + 1 :]))


def shape_of(path: str, template: PathTemplate | None = None) -> str:
    """The shape of a normalised path, which the template, if there is one, has matched."""
    return guessed(path) if template is None else Written.of(template).shape(path)


def guessed(path: str) -> str:
    segments = path.split("/")[1:]
    shown = [_guess(segment) for segment in segments[:MOST_SEGMENTS]]
    return "/" + "/".join(shown if len(segments) <= MOST_SEGMENTS else [*shown, "{rest*}"])


def _guess(segment: str) -> str:
    if not segment or segment in _WORDS:
        return segment
    for looks, shown in _LOOKS:
        if looks.fullmatch(segment):
            return shown
    return "{name}"
