"""Which file of a tree a URL of the documentation host means, decided before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class Page:
    file: Path


@dataclass(frozen=True, slots=True)
class Moved:
    """To the same place with a slash at its end, where relative links are right."""


@dataclass(frozen=True, slots=True)
class Missing:
    pass


Found: TypeAlias = Page | Moved | Missing


def find(root: Path, path: str) -> Found:
    """`path`: decoded, without its first slash. Nothing outside the root is found, by whatever links."""
    if any(part in ("", ".", "..") for part in path.removesuffix("/").split("/") if path) or "\0" in path:
        return Missing()
    base = root.resolve()
    wanted = base / path / INDEX if path.endswith("/") or not path else base / path
    if _is_inside(wanted, base):
        return Moved() if wanted.parent == base and not path.endswith("/") and wanted.is_dir() else Page(wanted)
    if not path.endswith("/") and _is_inside(base / path / INDEX, base):
        return Moved()
    return Missing()


def _is_inside(file: Path, base: Path) -> bool:
    try:
        resolved = file.resolve()
        return resolved.is_relative_to(base) and resolved.is_file()
    except (OSError, ValueError):
        return False
