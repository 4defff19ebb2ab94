"""An index that has what is hard to show: long names, wide tables, pictures without a text, right-to-left words."""

from __future__ import annotations

from datetime import timedelta

from packages import LAUNCH, Fields, sdist, stored, wheel

from backends.store import Store

LONG = "a-project-with-a-name-that-goes-on-and-on-like-some-that-machines-make-0123456789"
MARKDOWN = """# Hammer

A tool for *nails*, with `code`, [a link](http://docs.test/) and a bare http://docs.test/a/very/long/path/that/has/no/place/to/break/at/all.

![](http://pictures.test/badge.svg) <img src="http://pictures.test/logo.png" width="900"> <a href="http://docs.test/ci"><img src="http://pictures.test/ci.svg"></a>

```python
def hammer(nail: str, *, strength: float = 1.0, angle: float = 90.0, patience: int = 3, colour: str = "red") -> bool:
    '''Beat a nail, and say whether it went in.'''
    return bool(nail) and strength > 0.5  # a comment that is longer than the screen of a telephone is wide
```

#### A heading that skips two levels

| option | kind | default | meaning | since | removed | notes | see also |
|---|---|---|---|---|---|---|---|
| `strength` | float | 1.0 | how hard | 0.1 | never | a long remark about it | `angle` |

- [ ] to do
- [x] done

# A second heading of the first level

<details><summary>More</summary>

Hidden words.

</details>

مرحبا بالعالم
"""
RESTRUCTURED = """Tool
====

Some *text*, ``literals`` and `docs <http://docs.test/>`_.

.. code-block:: python

   import tool  # what it is called

======  =====
option  means
======  =====
a       b
======  =====

.. image:: http://pictures.test/logo.png

.. note:: Look out.

A term
    and what it is
"""
HAMMER: Fields = {
    "Summary": "A hammer, for nails & <screws>",
    "Author": "Ada",
    "Author-email": "ada@pypi.test",
    "Home-page": "http://hammer.test/",
    "License": "Apache-2.0",
    "Requires-Python": ">=3.8",
    "Requires-Dist": ["attrs (>=20)", "click"],
    "Classifier": ["Framework :: Flask", "Topic :: Internet"],
    "Project-URL": ["Docs, http://pypihosted.test/hammer/", "Not a link, javascript:alert(1)"],
    "Description-Content-Type": "text/markdown",
    "Description": MARKDOWN,
}


def fill(store: Store) -> None:
    minutes = iter(range(10_000))

    def now() -> object:
        return LAUNCH + timedelta(minutes=next(minutes))

    for version in ("0.9", "1.0", "1.1"):
        stored(store, wheel("Hammer", version, HAMMER), now())
        stored(store, sdist("Hammer", version, HAMMER), now())
    for tags in ("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp312-cp312-macosx_11_0_arm64"):
        stored(store, wheel("Hammer", "1.1", HAMMER, tags), now())
    store.yank("hammer", "0.9", "it breaks thumbs & <windows>", now())
    rest: Fields = {"Summary": "Tools", "Description": RESTRUCTURED, "Description-Content-Type": "text/x-rst"}
    stored(store, wheel("tool", "1.0", rest), now())
    stored(store, wheel(LONG, "2024.1.1.dev20240101", {"Summary": "An " + "unbreakable" * 12}), now())
    stored(store, wheel("done", "1.0", {"Summary": "Tools that are done", "Description": "plain\n\n  text"}), now())
    store.set_status("done", "archived", "all done", now())
    for number in range(30):
        stored(store, wheel(f"nail-{number}", "1.0", {"Summary": f"Nail {number} for hammers"}), now())
    store.grant("hammer", "Owner", "ada", now())
    store.grant("tool", "Maintainer", "ada", now())
