"""`python -m loadtests.comparing`: what it costs to compare two answers, and to hand them on to be compared.

CPU time of this process, the least of five. The worker pays for `handed on` alone: the rest is its comparer's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from edgeproxy.migration.comparing.comparer import LEARNING, Comparer
from edgeproxy.migration.comparing.frames import FrameReader, framed
from edgeproxy.migration.comparing.shadowed import Shadowed
from edgeproxy.migration.comparing.shapes import Written
from edgeproxy.migration.specimen import Part, Specimen
from edgeproxy.ruleset.modifiers import Comparison

_ROUNDS: Final = 5
_LEAST: Final = 0.2  # seconds of one round
_LARGE: Final = 5_000_000  # octets
_REQUEST: Final = b"Host: pypi.test\r\nUser-Agent: pip/10.0.0 CPython/3.6.5\r\nAccept: text/html\r\nEdge-Shadow: 1\r\n"
_HTML: Final = b"Content-Type: text/html; charset=utf-8\r\n"
_JSON: Final = b"Content-Type: application/vnd.pypi.simple.v1+json\r\n"
_PLAIN: Final = b"Content-Type: application/json\r\n"


def files(count: int) -> Iterator[tuple[str, str]]:
    """Names, and hashes."""
    return ((f"package-1.{number}.0-py3-none-any.whl", f"{number:064x}") for number in range(count))


def html_page(count: int) -> bytes:
    anchors = (
        f'<a href="https://files.pypihosted.test/packages/{digest[-2:]}/{name}#sha256={digest}" '
        f'data-requires-python="&gt;=3.8">{name}</a><br>\n'
        for name, digest in files(count)
    )
    return f"<!DOCTYPE html><html><head><title>package</title></head><body>{''.join(anchors)}</body></html>".encode()


def json_page(count: int) -> bytes:
    listed = [
        {
            "filename": name,
            "url": f"https://files.pypihosted.test/packages/{digest[-2:]}/{name}",
            "hashes": {"sha256": digest},
            "requires-python": ">=3.8",
        }
        for name, digest in files(count)
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": "package", "files": listed}).encode()


def pair(kind: Comparison, old: Part, new: Part) -> tuple[Comparer, Specimen]:
    """And a comparer that has learned its rule's noise."""
    comparer = Comparer([Shadowed("page", kind, (), Written("/simple/{project}/", None), "reads", "")], {})
    small = Part(200, old.lines)
    specimen = Specimen("page", 1, 1, 0.0, "GET", "pypi.test", "/simple/package/", _REQUEST, small, small, small)
    for _ in range(LEARNING):
        comparer.take(comparer.look(specimen))
    comparer.news()
    return comparer, replace(specimen, old=old, new=new, again=None)


def spaced(part: Part) -> Part:
    """The same, in other octets: the same ones would be equal at once."""
    return replace(part, content=part.content + b"\n")


def cost(work: Callable[[], object]) -> float:
    """Seconds of CPU time."""
    times: list[float] = []
    count = 1
    while len(times) < _ROUNDS:
        began = time.process_time()
        for _ in range(count):
            work()
        took = time.process_time() - began
        if took < _LEAST:
            count *= 4
        else:
            times.append(took / count)
    return min(times)


def main() -> None:
    count = _LARGE // len(html_page(1000)) * 1000
    html, as_json = Part(200, _HTML, html_page(50)), Part(200, _JSON, json_page(50))
    large = Part(200, _JSON, json_page(_LARGE // len(json_page(1000)) * 1000))
    large_plain = replace(large, lines=_PLAIN)
    cases = (
        ("simple page of 50 files, HTML twice", Comparison.SIMPLE_INDEX, html, spaced(html)),
        ("simple page of 50 files, HTML and JSON", Comparison.SIMPLE_INDEX, html, as_json),
        ("simple page of 50 files, JSON twice", Comparison.SIMPLE_INDEX, as_json, spaced(as_json)),
        ("simple page of 50 files, the same octets", Comparison.SIMPLE_INDEX, html, html),
        (f"simple page of {count:,} files, HTML twice", Comparison.SIMPLE_INDEX, Part(200, _HTML, html_page(count)),
         spaced(Part(200, _HTML, html_page(count)))),
        ("simple page of 5 MB, JSON twice", Comparison.SIMPLE_INDEX, large, spaced(large)),
        ("JSON of 5 MB", Comparison.JSON, large_plain, spaced(large_plain)),
    )  # fmt: skip
    for name, kind, old, new in cases:
        measure(name, *pair(kind, old, new))


def measure(name: str, comparer: Comparer, specimen: Specimen) -> None:
    octets = b"".join(framed(specimen))
    handed_on = cost(lambda: framed(specimen))
    read = cost(lambda: list(FrameReader().add(octets)))
    compared = cost(lambda: comparer.take(comparer.look(specimen)))
    findings = comparer.news()
    assert not findings.groups.different, name
    size = len(octets) / 1000
    print(f"{name}: {size:,.0f} KB, handed on {handed_on * 1e6:.0f} us, read {read * 1e6:,.0f} us, "
          f"compared {compared * 1e6:,.0f} us")  # fmt: skip


if __name__ == "__main__":
    main()
