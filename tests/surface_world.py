"""The index that both sites are asked about: a project for each thing that the facts tell apart."""

from __future__ import annotations

import json
from datetime import timedelta

from packages import LAUNCH, Fields, sdist, stored, wheel
from uploads import basic

from backends.store import Store, accounts
from backends.store.accounts import Account

FLASK: Fields = {
    "Summary": "Small & <quick>",
    "Author": "Armin",
    "Author-email": "armin@pypi.test",
    "Home-page": "http://flask.test/",
    "Download-URL": "http://flask.test/download",
    "License": "BSD",
    "Keywords": "web,wsgi",
    "Platform": ["any"],
    "Classifier": ["Framework :: Flask", "Topic :: Internet"],
    "Requires-Dist": ["click (>=2)", "jinja2"],
    "Requires-Python": '>=2.7, <"4"',
    "Project-URL": ["Docs, http://pypihosted.test/flask/"],
    "Description-Content-Type": "text/markdown",
    "Description": "# Flask\n\nA *micro* framework <script>alert(1)</script>",
}
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
CREDENTIALS = {
    "armin": basic("armin", "correct horse 1"),
    "new": basic("new", "correct horse 1"),
    "stranger": basic("armin", "wrong"),
}
PROVENANCE = json.dumps({"version": 1, "attestation_bundles": []})


def fill(store: Store) -> dict[str, str]:
    """Put everything in; what the rows may name of it."""
    minutes = iter(range(1000))

    def now() -> object:
        return LAUNCH - timedelta(days=1) + timedelta(minutes=next(minutes))

    stored(store, sdist("Flask", "0.2", {"Summary": "Old"}), now(), signature=SIGNATURE)
    stored(store, wheel("Flask", "0.12.2", FLASK), now(), comment="the wheel")
    stored(store, sdist("Flask", "0.12.2", FLASK), now())
    stored(store, sdist("zope.interface", "4.4.3", {"Summary": "Interfaces", "Classifier": "Topic :: Internet"}), now())
    stored(store, wheel("a_B", "1.0", tags="py2.py3-none-any"), now())
    stored(store, wheel("hider", "1.0"), now())
    stored(store, wheel("hider", "2.0", {"Summary": "secretive"}), now())
    store.set_hidden("hider", "2.0", True, now())
    stored(store, wheel("yanker", "1.0"), now())
    stored(store, wheel("yanker", "1.1"), now())
    store.yank("yanker", "1.1", "it <breaks>", now())
    stored(store, wheel("emptied", "1.0"), now())
    store.remove_file("emptied-1.0-py3-none-any.whl", now())
    stored(store, wheel("archived", "1.0"), now())
    store.set_status("archived", "archived", "all done", now())
    stored(store, wheel("quarantined", "1.0", {"Summary": "harmful"}), now())
    store.set_status("quarantined", "quarantined", None, now())
    store.grant("flask", "Owner", "armin", now())
    store.grant("flask", "Maintainer", "david", now())
    accounts.register(store, Account("armin", "armin@pypi.test"), "correct horse 1")
    accounts.register(store, Account("new", "new@pypi.test", is_confirmed=False), "correct horse 1")
    store.set_provenance("flask-0.12.2-py3-none-any.whl", PROVENANCE)
    return {**_values(store), **CREDENTIALS}


def _values(store: Store) -> dict[str, str]:
    values = {"serial": str(store.last_serial()), "provenance": PROVENANCE}
    for name, prefix in (
        ("flask-0.12.2-py3-none-any.whl", "wheel"),
        ("flask-0.12.2.tar.gz", "sdist"),
        ("flask-0.2.tar.gz", "old"),
        ("zope_interface-4.4.3.tar.gz", "zope"),
        ("a_b-1.0-py2.py3-none-any.whl", "ab"),
        ("hider-1.0-py3-none-any.whl", "hider1"),
        ("hider-2.0-py3-none-any.whl", "hider2"),
        ("yanker-1.1-py3-none-any.whl", "yanked"),
    ):
        file = store.file_named(name)
        assert file is not None, name
        values |= {
            f"{prefix}_path": file.path,
            f"{prefix}_tail": file.path.removeprefix("packages/"),
            f"{prefix}_md5": file.md5,
            f"{prefix}_sha256": file.sha256,
            f"{prefix}_blake2": file.blake2b_256,
            f"{prefix}_size": str(file.size),
            f"{prefix}_metadata": str(file.metadata_sha256),
        }
    for project in store.projects():
        values[f"{project.normalized.replace('-', '_')}_serial"] = str(project.serial)
    for number, name in store.classifiers().items():
        values["internet" if name == "Topic :: Internet" else "framework"] = str(number)
    return values
