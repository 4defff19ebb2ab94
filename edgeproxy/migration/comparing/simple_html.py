"""A simple page in HTML (PEP 503 and what was added to it)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from edgeproxy.migration.comparing.bounds import Bounds
from edgeproxy.migration.comparing.markup import Start, attributes_of, tokens
from edgeproxy.migration.comparing.simple_index import METADATA, Attributes, Form, Page, as_set
from edgeproxy.migration.comparing.simple_places import joined, places_of
from edgeproxy.migration.comparing.simple_urls import ALGORITHMS, attributes_of_url, last_segment, normalized, path_of

# Endings that installers have taken for those of distributions. What else a page links to is a homepage or the like.
_DISTRIBUTIONS: Final = (
    *(".whl", ".tar.gz", ".zip", ".egg", ".tar.bz2", ".tgz", ".tar.xz", ".tar.z", ".tar", ".tbz", ".exe", ".msi"),
    *(".rpm", ".deb", ".dmg"),
)
_DEFAULT_STATUS: Final = "active"  # PEP 792
_SAID: Final = {  # what a `meta` says, by its name
    "pypi:project-status": "project-status",
    "pypi:project-status-reason": "project-status/reason",
    "pypi:tracks": "tracks",
    "pypi:alternate-locations": "alternate-locations",
}
_VERSION: Final = "pypi:repository-version"
_PLAIN: Final = (("data-requires-python", "requires-python"), ("data-provenance", "provenance"))

_WANTED: Final = frozenset(("a", "base", "meta"))

_Anchor = tuple[str, str]  # attributes, as they are written, and text


class _Link(NamedTuple):
    """`is_of_file`: it has what links to projects have not, a hash or data. `key` and `said` are those of a file; `url`
    is where it lies, "" of what is none.
    """

    name: str  # the last segment of the URL
    text: str
    is_of_file: bool
    key: str
    said: Attributes
    url: str = ""


class SimpleHtmlReader:
    """Reads the pages of one comparison. What both have in the same words is read once."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._known: dict[_Anchor, _Link] = {}

    def read(self, text: str, url: str = "") -> Page:
        """`url`: of the page."""
        page = Page(Form.HTML, base=url)
        links = list(self._links(text, page))
        if _are_of_files(links):
            page.files = as_set([(link.key, link.said) for link in links])
            page.places = places_of((link.key, link.url) for link in links if link.url)
        else:
            page.projects = as_set([(normalized(link.name), {"name": link.text}) for link in links])
        return page

    def _links(self, text: str, page: Page) -> Iterator[_Link]:
        known = self._known
        for anchor in _anchors(text, self._bounds, page):
            link = known.get(anchor)
            if link is None:
                link = _read_link(*anchor)
                if link is None:
                    continue
                known[anchor] = link
            yield link


def _anchors(text: str, bounds: Bounds, page: Page) -> Iterator[_Anchor]:
    """The links of a page, in one pass, in which `page` gets what it says of itself."""
    page.said.update({"api-version": "1", "project-status": _DEFAULT_STATUS})
    base: str | None = None
    open_link: str | None = None
    texts: list[str] = []
    for token in tokens(text, bounds, _WANTED):
        if isinstance(token, str):
            if open_link is not None:
                texts.append(token)
        elif token.tag == "a":
            if open_link is not None:
                yield open_link, "".join(texts).strip()
            open_link = None
            if isinstance(token, Start):
                open_link, texts = token.written, []
        elif isinstance(token, Start):
            attributes = token.attributes
            if token.tag == "meta":
                _hear(attributes, page.said)
            elif base is None and (base := attributes.get("href")) is not None:  # the first one that has one counts
                page.base = joined(page.base, base)
    if open_link is not None:
        yield open_link, "".join(texts).strip()


def _hear(meta: dict[str, str], said: Attributes) -> None:
    name, content = meta.get("name", "").lower(), meta.get("content", "").strip()
    if name == _VERSION:
        said["api-version"] = content.partition(".")[0]
    elif name in _SAID and content:
        key = _SAID[name]
        if key in ("tracks", "alternate-locations"):  # several, without an order
            content = " ".join(sorted({*said.get(key, "").split(), *content.split()}))
        said[key] = content


def _are_of_files(links: list[_Link]) -> bool:
    """A page of links without hashes and data lists files where all are called so: a project may be called `it.zip`."""
    if any(link.is_of_file for link in links):
        return True
    return bool(links) and all(link.name.lower().endswith(_DISTRIBUTIONS) for link in links)


def _read_link(written: str, text: str) -> _Link | None:
    attributes = attributes_of(written)
    url = attributes.get("href")
    if url is None:
        return None
    name, said = last_segment(path_of(url)), attributes_of_url(url)
    is_of_file = bool(said) or "rel" in attributes or any(each.startswith("data-") for each in attributes)
    if not said and not name.lower().endswith(_DISTRIBUTIONS):
        return _Link(name, text, is_of_file, f"link {url}", {})
    if text != name:
        said["filename"] = text
    _add_data(said, attributes)
    return _Link(name, text, is_of_file, name, said, url)


def _add_data(said: Attributes, attributes: dict[str, str]) -> None:
    for written, key in _PLAIN:
        value = attributes.get(written)
        if value and (value := value.strip()):
            said[key] = value
    if "data-yanked" in attributes:
        said["yanked"] = attributes["data-yanked"].strip()
    metadata = attributes.get("data-core-metadata")
    if metadata is None:
        metadata = attributes.get("data-dist-info-metadata")
    if metadata is not None:
        _add_metadata(said, metadata.strip())
    signature = attributes.get("data-gpg-sig")
    if signature is not None:
        said["gpg-sig"] = signature.strip().lower()


def _add_metadata(said: Attributes, value: str) -> None:
    """`true`, or the hash of the metadata file (PEP 658, PEP 714); any other value means the former to clients."""
    if value.lower() == "false":
        return
    said[METADATA] = "true"
    algorithm, _, digest = value.partition("=")
    if algorithm in ALGORITHMS and digest:
        said[f"{METADATA}/{algorithm}"] = digest.lower()
