"""Pages that say one thing: their titles and their paragraphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backends.legacy.asked import Notice

NOTICES: Final[Mapping[Notice, tuple[str, tuple[str, ...]]]] = {
    Notice.ABOUT: (
        "About PyPI",
        ("The Python Package Index is a repository of software for the Python programming language.",),
    ),
    Notice.FORGOTTEN: (
        "Request password reset",
        ("Passwords are reset on the new site, http://pypi.test/, whose accounts are the same as those of this one.",),
    ),
    Notice.INDEX: (
        "Index of Packages[Deprecated]",
        (
            "This page listed every package and has been deprecated.",
            "Programs find all names at /simple/ and by the XML-RPC method list_packages.",
        ),
    ),
    Notice.LOGIN: ("PyPI Login", ("Log in on the new site, http://pypi.test/: nothing is changed here any more.",)),
    Notice.MIRRORS: (
        "PyPI Mirrors",
        ("Official mirrors have gone since PEP 449. The index is behind a content delivery network instead.",),
    ),
    Notice.REGISTER: ("User Registration", ("New accounts are made on the new site, http://pypi.test/.",)),
    Notice.SECURITY: (
        "PyPI Security",
        ("Who has found a hole in this site tells its administrators before anybody else.",),
    ),
    Notice.TERMS: (
        "PyPI Terms of Service",
        ("Who uploads a package grants everybody the right to copy and to distribute it.",),
    ),
}
