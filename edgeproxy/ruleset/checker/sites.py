"""Which host names are of one site: what browsers share cookies in and call same-site.

The site of a name is its registrable domain, by the Public Suffix List as the package publicsuffixlist brings it along.
A suffix that the list does not know, such as `.test`, is one label: the list's own default rule.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address

from publicsuffixlist import PublicSuffixList


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # PERF: 90 ms, so not before it is needed


@cache
def site_of(name: str) -> str | None:
    """None for what shares cookies with no other name: an address, or a public suffix itself."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return _suffixes().privatesuffix(name)
    return None
