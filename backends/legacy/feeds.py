"""RSS 0.91, as the old site wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from backends.marshalling import printable

CONTENT_TYPE: Final = "text/xml; charset=utf-8"

_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91">
 <channel>
"""


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    link: str
    description: str
    moment: datetime
    guid: str | None = None


def feed(title: str, link: str, description: str, items: Iterable[Item]) -> str:
    told = "".join(map(_item, items))
    head = _elements({"title": title, "link": link, "description": description, "language": "en"}, "  ")
    return printable(f"{_HEAD}{head}\n{told} </channel>\n</rss>\n")


def _item(item: Item) -> str:
    elements = {"title": item.title, "link": item.link}
    if item.guid is not None:
        elements["guid"] = item.guid
    elements |= {"description": item.description, "pubDate": f"{item.moment:%d %b %Y %H:%M:%S} GMT"}
    return f"  <item>\n{_elements(elements, '    ')}  </item>\n"


def _elements(texts: dict[str, str], indent: str) -> str:
    return "".join(f"{indent}<{name}>{escape(text)}</{name}>\n" for name, text in texts.items())
