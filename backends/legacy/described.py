"""A release described in other ways: the text of PKG-INFO, and DOAP."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from backends.marshalling import printable
from backends.store import Release

# The old site's order of fields (PEP 314).
_FIELDS: Final = (
    "author", "author_email", "maintainer", "maintainer_email", "home_page", "download_url", "summary", "license",
    "description",
)  # fmt: skip
_SPACES: Final = re.compile(r"\s+")  # at once: to look for a line's end behind each takes the square of their number
_LINE_BREAKS: Final = frozenset("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_NAMESPACES: Final = (
    'xmlns="http://usefulinc.com/ns/doap#" xmlns:foaf="http://xmlns.com/foaf/0.1/" '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
)


def package_info(release: Release) -> str:
    lines = ["Metadata-Version: 1.1", f"Name: {release.project}", f"Version: {_value('version', release.version)}"]
    values = {field: release.text(field) for field in _FIELDS}
    values |= {"keywords": ",".join(release.several("keywords")), "platform": ",".join(release.several("platforms"))}
    lines += [f"{_label(field)}: {_value(field, value)}" for field, value in values.items() if value]
    for field in ("requires", "provides", "obsoletes"):
        lines += [f"{field.capitalize()}: {_value(field, value)}" for value in release.several(field)]
    lines += [
        f"Classifier: {_value('classifier', classifier)}" for classifier in sorted(release.several("classifiers"))
    ]
    return "\n".join(lines) + "\n\n"


def _label(field: str) -> str:
    return field.capitalize().replace("_", "-")


def _value(field: str, value: str) -> str:
    if field == "description":
        # The continuation lines of RFC 822; by a regex, line ends alone take four times as long.
        return value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\n        ")
    if field.endswith("_email"):
        value = escape(value).replace("@", " at ").replace(".", " ")
    return _SPACES.sub(_on_one_line, value)  # or it would start a header of its own


def _on_one_line(spaces: re.Match[str]) -> str:
    return spaces[0] if _LINE_BREAKS.isdisjoint(spaces[0]) else " "


def doap(release: Release) -> str:
    parts = [_element("name", release.project)]
    parts += [
        _element(element, release.text(field))
        for field, element in (
            ("summary", "shortdesc"),
            ("description", "description"),
            ("download_url", "download-page"),
        )
        if release.text(field)
    ]
    if home := release.text("home_page"):
        parts.append(f"<homepage rdf:resource={quoteattr(home)} />\n")
    parts.append(_person(release))
    parts.append(f"<release><Version><revision>{escape(release.version)}</revision></Version></release>\n")
    project = "".join(parts)
    return printable(
        f'<?xml version="1.0" encoding="UTF-8" ?>\n<rdf:RDF {_NAMESPACES}><Project>{project}</Project></rdf:RDF>'
    )


def doap_filename(release: Release) -> str:
    name = f"{release.project}-{release.version}.xml".encode("ascii", "replace").decode()
    return "".join(character if character.isprintable() and character not in '";\\' else "?" for character in name)


def _person(release: Release) -> str:
    person = "maintainer" if release.text("maintainer") else "author"
    if not release.text(person):
        return ""
    told = _element("foaf:name", release.text(person))
    if email := release.text(f"{person}_email"):
        # The ontology's identifier of a mailbox, not a protection.
        digest = hashlib.sha1(email.encode(), usedforsecurity=False).hexdigest()
        told += f"<foaf:mbox_sha1sum>{digest}</foaf:mbox_sha1sum>"
    return f"<maintainer><foaf:Person>{told}</foaf:Person></maintainer>\n"


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>\n"
