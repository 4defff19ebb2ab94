"""Media types by suffix: stable, and none that would make a client decode or run what it asked to keep."""

import pytest

from edgeproxy.http.media_types import OCTETS, media_type


@pytest.mark.parametrize(
    "name",
    [
        "flask-1.0-py3-none-any.whl",
        "flask-1.0.tar.gz",
        "flask-1.0.tgz",
        "flask-1.0.tar.bz2",
        "flask-1.0.zip",
        "flask-1.0-py2.7.egg",
        "flask-1.0.exe",
        "setup.py",
        "README",
        "",
        ".",
    ],
)
def test_packages_and_unknown_files_are_octets(name):
    assert media_type(name) == OCTETS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flask-1.0-py3-none-any.whl.metadata", "text/plain; charset=utf-8"),
        ("flask-1.0.tar.gz.asc", "application/pgp-signature"),
        ("index.html", "text/html; charset=utf-8"),
        ("INDEX.HTML", "text/html; charset=utf-8"),
        ("site.css", "text/css; charset=utf-8"),
        ("flask.1.json", "application/json"),
    ],
)
def test_what_people_and_tools_read_has_its_type(name, kind):
    assert media_type(name) == kind
