"""No new project may take the name of a module that comes with Python."""

from __future__ import annotations

import sys

import pytest
from packaging.utils import canonicalize_name

from backends.modern.upload.stdlib import NAMES


def test_every_public_module_of_this_python_is_known() -> None:
    public = {canonicalize_name(name) for name in sys.stdlib_module_names if not name.startswith("_")}
    assert public - NAMES == set()


@pytest.mark.parametrize("name", ["urllib2", "socketserver", "asynchat", "future", "os-path", "concurrent-futures"])
def test_modules_of_other_pythons_are_known_too(name: str) -> None:
    assert name in NAMES


@pytest.mark.parametrize("name", ["flask", "pip", "setuptools", "requests", "typing-extensions"])
def test_other_names_are_free(name: str) -> None:
    assert name not in NAMES
