"""A simple page in JSON (PEP 691, 700 and what was added to them).

Law: keys that begin with an underscore are the server's own, and others that no PEP names are passed over, as clients
do (PEP 691).
"""

from __future__ import annotations

import json
from typing import Final

from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.json_content import read_json
from edgeproxy.migration.comparing.simple_index import HASHES, METADATA, Attributes, Form, Page, as_set
from edgeproxy.migration.comparing.simple_places import places_of
from edgeproxy.migration.comparing.simple_urls import attributes_of_url, last_segment, normalized, path_of
from edgeproxy.migration.comparing.trees import Tree

# PEP 714: the name, and those that servers have written before it, one of them (with `data-`) by mistake.
_METADATA_KEYS: Final = ("core-metadata", "dist-info-metadata", "data-dist-info-metadata")
_PLAIN: Final = ("requires-python", "provenance", "size", "upload-time")
_DEFAULT_STATUS: Final = "active"  # PEP 792


def read_simple_json(content: bytes, bounds: Bounds, url: str = "") -> Page:
    """`url`: of the page."""
    tree = read_json(content, bounds)
    if not isinstance(tree, dict) or not ("files" in tree or "projects" in tree):
        raise BrokenContent(Flaw.NOT_THE_KIND, "it has neither files nor projects")
    page = Page(Form.JSON, base=url)
    page.said = _said(tree)
    versions = tree.get("versions")
    if isinstance(versions, list):
        page.versions = frozenset(map(_text, versions))
    files = [_file(each, index) for index, each in enumerate(_listed(tree, "files"))]
    page.files = as_set([(name, said) for name, said, _ in files])
    page.places = places_of((name, url) for name, _, url in files)
    page.projects = as_set([_project(each, index) for index, each in enumerate(_listed(tree, "projects"))])
    return page


def _listed(tree: dict[str, Tree], key: str) -> list[Tree]:
    value = tree.get(key, [])
    if not isinstance(value, list):
        raise BrokenContent(Flaw.NOT_THE_KIND, f"`{key}` is no list")
    return value


def _said(tree: dict[str, Tree]) -> Attributes:
    meta, status = tree.get("meta"), tree.get("project-status")
    meta = meta if isinstance(meta, dict) else {}
    said: Attributes = {"api-version": _text(meta.get("api-version", "1")).partition(".")[0]}
    status = status if isinstance(status, dict) else {"status": status or _DEFAULT_STATUS}
    said["project-status"] = _text(status.get("status", _DEFAULT_STATUS))
    if reason := status.get("reason"):
        said["project-status/reason"] = _text(reason)
    name = tree.get("name")
    if isinstance(name, str):
        said["name"] = normalized(name)
    for key, value in (("tracks", meta.get("tracks")), ("alternate-locations", tree.get("alternate-locations"))):
        if isinstance(value, list) and value:
            said[key] = " ".join(sorted(set(map(_text, value))))
    return said


def _project(tree: Tree, index: int) -> tuple[str, Attributes]:
    name = tree.get("name") if isinstance(tree, dict) else None
    if not isinstance(name, str):
        raise BrokenContent(Flaw.NOT_THE_KIND, f"projects[{index}] has no name")
    return normalized(name), {"name": name}


def _file(tree: Tree, index: int) -> tuple[str, Attributes, str]:
    """Its name, what is said of it, and its URL."""
    filename, url = (tree.get("filename"), tree.get("url")) if isinstance(tree, dict) else (None, None)
    if not isinstance(tree, dict) or not isinstance(filename, str) or not isinstance(url, str):
        raise BrokenContent(Flaw.NOT_THE_KIND, f"files[{index}] has no filename or no url")
    name, said = last_segment(path_of(url)), attributes_of_url(url)
    if filename != name:
        said["filename"] = filename
    _add_hashes(said, HASHES, tree.get("hashes"))
    for key in _PLAIN:
        value = tree.get(key)
        if value is not None and (text := value.strip() if isinstance(value, str) else _text(value)):
            said[key] = text
    yanked = tree.get("yanked")
    if yanked:
        said["yanked"] = yanked.strip() if isinstance(yanked, str) else ""
    _add_metadata(said, tree)
    signature = tree.get("gpg-sig")
    if signature is not None:
        said["gpg-sig"] = _text(signature).lower()
    return name, said, url


def _add_metadata(said: Attributes, tree: dict[str, Tree]) -> None:
    for key in _METADATA_KEYS:
        if key in tree:
            metadata = tree[key]
            if metadata is not None and metadata is not False:
                said[METADATA] = "true"
                _add_hashes(said, f"{METADATA}/", metadata)
            return


def _add_hashes(said: Attributes, group: str, hashes: Tree) -> None:
    if isinstance(hashes, dict):
        for algorithm, digest in hashes.items():
            said[group + algorithm] = (digest if isinstance(digest, str) else _text(digest)).lower()


def _text(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    return str(tree) if type(tree) is int else json.dumps(tree, sort_keys=True, default=repr)
