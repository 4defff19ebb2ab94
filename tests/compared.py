"""Answers to compare, and simple pages in both forms made of one set of files."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field, replace
from random import Random
from urllib.parse import quote

from edgeproxy.migration.comparing.answers import Answer, answer_of
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Difference, Kind, kind_of
from edgeproxy.migration.comparing.ignores import Ignores
from edgeproxy.ruleset.ignores import read_ignore
from edgeproxy.ruleset.modifiers import Comparison

HTML, V1_HTML = "text/html; charset=utf-8", "application/vnd.pypi.simple.v1+html"
V1_JSON, JSON, XML = "application/vnd.pypi.simple.v1+json", "application/json", "text/xml"


def answer(content: bytes | str = b"", content_type: str = "", *lines: str, status: int = 200, url: str = "") -> Answer:
    """`lines` are further field lines, as in `Cache-Control: no-store`."""
    fields = [f"Content-Type: {content_type}", *lines] if content_type else list(lines)
    pairs = [line.encode().split(b": ", 1) for line in fields]
    octets = content.encode() if isinstance(content, str) else content
    return replace(answer_of(status, [(name, value) for name, value in pairs], octets), url=url)


def found(kind: Comparison, old: Answer, new: Answer, *ignored: str) -> list[tuple[Kind, str]]:
    """The kinds and paths of the differences."""
    return seen(compare(kind, old, new, Ignores.of(map(read_ignore, ignored))))


def seen(differences: tuple[Difference, ...]) -> list[tuple[Kind, str]]:
    return [(kind_of(each), each.path) for each in differences]


@dataclass(frozen=True)
class File:
    """What both forms can say of a file, and with `size` and `upload_time` what JSON can."""

    name: str
    sha256: str = "ab" * 32
    requires_python: str = ""
    yanked: str | None = None  # the reason, which may be empty
    metadata: str | None = None  # its sha256, or nothing for `true`
    signed: bool | None = None
    provenance: str = ""
    host: str = "https://files.pypihosted.test/packages"
    size: int = 1000
    upload_time: str = "2018-04-16T15:00:00.123456Z"


@dataclass(frozen=True)
class Style:
    """How a page is written; two styles say the same."""

    seed: int = 0
    newline: str = "\n"
    quotes: tuple[str, ...] = ('"',)
    closes: tuple[str, ...] = ("<br>",)
    shouts: bool = False
    escapes_all: bool = False
    both_metadata: bool = True
    noise: tuple[str, ...] = field(default_factory=tuple)


def html_page(files: list[File], style: Style | None = None) -> str:
    style = style or Style()
    random = Random(style.seed)
    anchors = [_anchor(file, style, random) for file in random.sample(files, len(files))]
    body = style.newline.join(f"{anchor}{random.choice(style.closes)}" for anchor in anchors)
    return style.newline.join(
        ["<!DOCTYPE html>", "<html><head>", '<meta name="pypi:repository-version" content="1.4">', "<title>a</title>",
         "</head><body><h1>Links for a</h1>", *style.noise, body, "</body></html>", f"<!--SERIAL {style.seed}-->"]
    )  # fmt: skip


def _anchor(file: File, style: Style, random: Random) -> str:
    attributes = {"href": f"{file.host}/{quote(file.name)}#sha256={file.sha256}"}
    if file.requires_python:
        attributes["data-requires-python"] = file.requires_python
    if file.yanked is not None:
        attributes["data-yanked"] = file.yanked
    if file.metadata is not None:
        names = ("data-core-metadata", "data-dist-info-metadata")
        for name in names if style.both_metadata else [random.choice(names)]:
            attributes[name] = f"sha256={file.metadata}" if file.metadata else "true"
    if file.signed is not None:
        attributes["data-gpg-sig"] = "true" if file.signed else "false"
    if file.provenance:
        attributes["data-provenance"] = file.provenance
    written = [_attribute(name, value, style, random) for name, value in attributes.items()]
    random.shuffle(written)
    tag = "A" if style.shouts else "a"
    return f"<{tag} {style.newline.join(written)}>{_escaped(file.name, style)}</{tag}>"


def _attribute(name: str, value: str, style: Style, random: Random) -> str:
    quotes = random.choice(style.quotes)
    text = _escaped(value, style)
    if not quotes and (not text or any(character in text for character in " \t\r\n\f\"'=<>`")):
        quotes = '"'
    if quotes == "'":
        text = text.replace("'", "&#39;")
    return f"{name.upper() if style.shouts else name}={quotes}{text}{quotes}"


def _escaped(text: str, style: Style) -> str:
    if style.escapes_all:
        return "".join(f"&#x{ord(character):x};" for character in text)
    return html.escape(text, quote=True)


def json_page(files: list[File], style: Style | None = None) -> str:
    style = style or Style()
    random = Random(style.seed)
    entries = [_entry(file, style, random) for file in random.sample(files, len(files))]
    document = {
        "meta": {"api-version": "1.4", "_last-serial": style.seed},
        "name": "a",
        "versions": [],
        "files": entries,
    }
    return json.dumps(document, indent=random.choice((None, 2)), ensure_ascii=style.escapes_all)


def _entry(file: File, style: Style, random: Random) -> dict[str, object]:
    metadata = None if file.metadata is None else ({"sha256": file.metadata} if file.metadata else True)
    entry: dict[str, object] = {
        "filename": file.name,
        "url": f"{file.host}/{quote(file.name)}",
        "hashes": {"sha256": file.sha256},
        "requires-python": file.requires_python or None,
        "yanked": False if file.yanked is None else file.yanked or True,
        "size": file.size,
        "upload-time": file.upload_time,
        "provenance": file.provenance or None,
        "core-metadata": metadata or False,
    }
    if style.both_metadata:
        entry["data-dist-info-metadata"] = metadata or False
    if file.signed is not None:
        entry["gpg-sig"] = file.signed
    items = list(entry.items())
    random.shuffle(items)
    return dict(items)


def in_html(files: list[File], style: Style | None = None) -> Answer:
    return answer(html_page(files, style), HTML)


def in_json(files: list[File], style: Style | None = None) -> Answer:
    return answer(json_page(files, style), V1_JSON)


SIX = File("six-1.17.0.tar.gz", requires_python=">=2.7, !=3.0.*")
WHEEL = File("six-1.17.0-py2.py3-none-any.whl", sha256="cd" * 32, metadata="ef" * 32)


def with_change(files: list[File], at: int, **changes: object) -> list[File]:
    return [*files[:at], replace(files[at], **changes), *files[at + 1 :]]  # type: ignore[arg-type]
