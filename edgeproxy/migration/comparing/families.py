"""The family of a client: which program it is, without its version and where it runs.

Law: there are few families, whatever clients send: a program that is not known here is told apart by the first word of
its user agent, as long as that looks like a product (RFC 9110 §10.1.5) and is short.
"""

from __future__ import annotations

import re
from typing import Final

UNNAMED: Final = "unnamed"  # no user agent, or one that names no product
BROWSER: Final = "browser"
BOT: Final = "bot"

_PRODUCT: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,29})(?:[/ (]|\Z)")
_BOT: Final = re.compile("(?i)bot[/ ;)]|bot\\Z|crawl|spider|slurp")
_ROBOTS_WORDS: Final = ("+http://", "+https://")  # by which crawlers say who they are
# By the first word, in lower case.
_KNOWN: Final = {
    "mozilla": BROWSER,
    "opera": BROWSER,
    "python-urllib": "urllib",
    "python-requests": "requests",
    "python-httpx": "httpx",
    "go-http-client": "go",
    "apache-httpclient": "java",
    "java": "java",
    "python": "python",
}


def family_of(user_agent: str) -> str:
    user_agent = user_agent[:_LOOKED_AT]
    if _BOT.search(user_agent) or any(word in user_agent for word in _ROBOTS_WORDS):
        return BOT
    found = _PRODUCT.match(user_agent)
    if found is None:
        return UNNAMED
    product = found[1].lower()
    return _KNOWN.get(product, product)


_LOOKED_AT: Final = 300  # characters
