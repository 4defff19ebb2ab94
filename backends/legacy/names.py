"""The spellings of a project's name, as the old site has them.

Laws of this module:
- the safe form keeps dots, which the normalised form of PEP 503 does not: `zope.interface` and
  `zope-interface` are two safe forms of one project, and the old site serves both;
- which project a name means is decided by the normalised form alone.
"""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name

_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")


def safe_name(name: str) -> str:
    return _UNSAFE.sub("-", name)


def simple_name(name: str) -> str:
    """The one spelling under which `/simple/<x>/` is not redirected."""
    return safe_name(name).lower()


def normalized_name(name: str) -> str:
    return str(canonicalize_name(name))
