"""The family of a client: which program it is, without its version and where it runs.

Law: there are few families, whatever clients send: one of those here, or OTHER.
"""

from __future__ import annotations

import re
from typing import Final

UNNAMED: Final = "unnamed"  # no user agent, or one that names no product
BROWSER: Final = "browser"
BOT: Final = "bot"
OTHER: Final = "other"

_LOOKED_AT: Final = 300  # characters
_PRODUCT: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,29})(?:[/ (]|\Z)")  # RFC 9110 §10.1.5
_BOT: Final = re.compile("(?i)bot[/ ;)]|bot\\Z|crawl|spider|slurp")
_ROBOTS_WORDS: Final = ("+http://", "+https://")  # by which crawlers say who they are
_INSTALLERS: Final = (
    *("pip", "uv", "twine", "poetry", "pdm", "pipenv", "hatch", "flit", "conda", "mamba", "pixi", "pex", "setuptools"),
    *("distribute", "easy_install", "buildout", "zc.buildout", "bandersnatch", "devpi", "devpi-server", "pypiserver"),
    *("pip-tools", "pipx", "rye", "bazel", "pants", "buck", "nexus", "artifactory", "proxpi", "z3c.pypimirror"),
    *("pep381client", "renovate", "dependabot"),
)
_TOOLS: Final = ("curl", "wget", "aria2", "httpie", "postman", "insomnia", "git", "elinks", "lynx", "w3m")
# By the first word, in lower case.
_KNOWN: Final = {
    **{name: name for name in (*_INSTALLERS, *_TOOLS)},
    "mozilla": BROWSER,
    "opera": BROWSER,
    "python-urllib": "urllib",
    "python-requests": "requests",
    "python-httpx": "httpx",
    "python-xmlrpc": "xmlrpc",
    "xmlrpclib.py": "xmlrpc",
    "go-http-client": "go",
    "apache-httpclient": "java",
    "java": "java",
    "ruby": "ruby",
    "perl": "perl",
    "php": "php",
    "python": "python",
    "aiohttp": "aiohttp",
}


def family_of(user_agent: str) -> str:
    user_agent = user_agent[:_LOOKED_AT]
    if _BOT.search(user_agent) or any(word in user_agent for word in _ROBOTS_WORDS):
        return BOT
    found = _PRODUCT.match(user_agent)
    return UNNAMED if found is None else _KNOWN.get(found[1].lower(), OTHER)
