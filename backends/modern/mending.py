"""A rendered description, mended so that it fits into a page and everybody can use it: a pure function of HTML.

Laws of this module:
- what comes in is well formed and can do nothing (nh3 has written it); what needs no mending goes out as it came in;
- every value that is put in is escaped;
- its headings are below the page's own and skip no level; its ids cannot be taken for the page's;
- nothing is reached by keyboard that is not there to be seen; every picture and box has a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from html.parser import HTMLParser
from typing import Final, Literal
from urllib.parse import urlsplit

_ID_PREFIX: Final = "user-content-"  # what the renderers write before ids of headings
_ABOVE: Final = 2  # levels of headings that the page has itself

_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}


@dataclass(frozen=True, slots=True)
class Token:
    kind: Literal["open", "close", "other"]
    text: str  # as it is written
    tag: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        return dict(self.attributes).get(name)

    def but(self, **changes: str | None) -> Token:
        """With other values of attributes; None takes one away."""
        kept = {name: value for name, value in self.attributes if name not in changes}
        kept |= {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
        said = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
        return replace(self, text=f"<{self.tag}{said}>", attributes=tuple(kept.items()))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.tokens: list[Token] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = tuple((name, value or "") for name, value in attrs)
        self.tokens.append(Token("open", self.get_starttag_text() or "", tag, said))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.tokens.append(Token("close", f"</{tag}>", tag))

    def handle_data(self, data: str) -> None:
        self.tokens.append(Token("other", data))

    def handle_entityref(self, name: str) -> None:
        self.tokens.append(Token("other", f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self.tokens.append(Token("other", f"&#{name};"))


def mended(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(token.text for token in _levelled(_with_names(map(_single, reader.tokens))))


def _single(token: Token) -> Token:
    """What one tag needs for itself."""
    if token.kind != "open":
        return token
    own_id = token.get("id")
    if own_id is not None and not own_id.startswith(_ID_PREFIX):
        token = token.but(id=_ID_PREFIX + own_id)
    if token.tag == "pre" and token.get("lang") is not None:
        token = token.but(lang=None)  # the renderer means a language of programs, which is none that people speak
    if token.tag == "input":
        token = token.but(aria_label="done" if token.get("checked") is not None else "not done")
    if token.tag == "img" and token.get("alt") is None:
        token = token.but(alt="")
    return token


def _with_names(tokens: Iterator[Token]) -> Iterator[Token]:
    """Links that have something to be clicked on, with a text for who cannot see it."""
    for token in tokens:
        if token.kind == "open" and token.tag == "a":
            inside: list[Token] = []
            for part in tokens:
                inside.append(part)
                if part.kind == "close" and part.tag == "a":
                    break
            yield from _link(token, inside)
        else:
            yield token


def _link(link: Token, inside: list[Token]) -> Iterator[Token]:
    pictures = [part for part in inside if part.tag == "img"]
    has_text = any(part.kind == "other" and part.text.strip() for part in inside)
    if not has_text and not pictures:
        yield from _target(link)
        yield from inside[:-1]  # tags without a text, which are as good without the link
        return
    yield link
    if has_text or any(picture.get("alt") for picture in pictures):
        yield from inside
        return
    for part in inside:
        yield part.but(alt=_told(link.get("href") or "")) if part is pictures[0] else part


def _target(link: Token) -> Iterator[Token]:
    """Where other links may lead to."""
    name = link.get("id")
    if name is not None:
        span = Token("open", "<span>", "span").but(id=name)
        yield from (span, Token("close", "</span>", "span"))


def _told(url: str) -> str:
    """A URL as one would say it."""
    try:
        split = urlsplit(url)
    except ValueError:
        return "link"
    return f"{split.hostname or ''}{split.path}".rstrip("/") or "link"


def _levelled(tokens: Iterator[Token]) -> Iterator[Token]:
    """An outline without gaps: one that stands under another is one level below it, whatever its author chose."""
    above: list[int] = []
    for token in tokens:
        level = _HEADINGS.get(token.tag)
        if level is None:
            yield token
            continue
        if token.kind == "open":
            above = [*(each for each in above if each < level), level]
        shown = f"h{min(_ABOVE + len(above), 6)}"
        yield replace(token, tag=shown).but() if token.kind == "open" else replace(token, text=f"</{shown}>")
