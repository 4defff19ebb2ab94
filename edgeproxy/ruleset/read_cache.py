"""`cache` and `tags` of a rule: how long answers are kept, and how they are told apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.modifiers import Cache, Coding, Digest, KeyHeader, KeyPart, Safety, Variant
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.quantities import read_duration
from edgeproxy.ruleset.read_target import parse_text_template
from edgeproxy.ruleset.safety import SAFE_METHODS
from edgeproxy.ruleset.segment import Expression
from edgeproxy.ruleset.shape import (
    CACHE,
    VERIFY,
    Findings,
    Kind,
    T,
    read_fields,
    read_items,
    read_table,
    read_value,
    report_twice,
)
from edgeproxy.ruleset.template import PathTemplate, TargetTemplate
from edgeproxy.ruleset.values import read_asked_field_name, read_choice, read_flag

_A_DURATION: Final = Kind(read_duration, "it is a duration")
_A_FLAG: Final = Kind(read_flag, "it is true or false")
_SCALARS: Final[Mapping[str, Kind]] = {
    "fresh": _A_DURATION,
    "negative": _A_DURATION,
    "stale_while_revalidate": _A_DURATION,
    "stale_if_error": _A_DURATION,
    "immutable": _A_FLAG,
    "share_arms": _A_FLAG,
    "heed_clients": _A_FLAG,
}
_CODINGS: Final = tuple(each.value for each in Coding)
_VARIANTS: Final = tuple(each.value for each in Variant)
_HEX_DIGITS: Final = {Digest.BLAKE2B: 64, Digest.SHA256: 64, Digest.MD5: 32}
_HEX: Final = re.compile("[0-9A-Fa-f]*")
_HEX_RUN: Final = re.compile(r"\[0-9(?:a-f|A-F|a-fA-F|A-Fa-f)\]\{([0-9]{1,3})\}")

assert {each.value for each in Digest} == set(VERIFY.keys)

Path = PathTemplate | PathRegex | None  # None: it could not be read, and what is made of it is left alone


def read_cache(findings: Findings, node: Node, path: Path) -> Cache | None:
    table = read_table(findings, node, CACHE)
    if table is None:
        return None
    given = read_fields(findings, {key: each for key, each in table.items() if key in _SCALARS}, _SCALARS)
    accept = key = compress = None
    if "accept" in table:
        what = "`accept` is a list, as in [json, html]"
        accept = _read_list(findings, table["accept"], _read_variant, "variant", what)
    if "key" in table:
        what = "`key` is a list of what tells answers apart: query, body, header:NAME"
        key = _read_list(findings, table["key"], _read_key_part, "part", what)
    if "compress" in table:
        what = "`compress` is a list of codings, the best first, as in [br, zstd, gzip]"
        compress = _read_list(findings, table["compress"], _read_coding, "coding", what)
    tags = read_tags(findings, table["tags"], path) if "tags" in table else ()
    verify = _read_verify(findings, table["verify"], path) if "verify" in table else None
    return Cache(node.place, accept=accept or (), key=key, tags=tags, verify=verify, compress=compress or (), **given)


def read_tags(findings: Findings, node: Node, path: Path) -> tuple[TargetTemplate, ...]:
    nodes = read_items(findings, node, '`tags` is a list, as in ["project/{project}"]')
    found = [_read_template(findings, each, path, "it is a tag") for each in nodes or ()]
    report_twice(findings, nodes or (), "tag")
    return tuple(each for each in found if each is not None)


def check_body_key(findings: Findings, cache: Cache, safety: Safety | None, methods: frozenset[str]) -> None:
    """A body tells answers apart only where a request with one may be repeated."""
    is_safe = safety is Safety.SAFE or (safety is None and (not methods or bool(methods & SAFE_METHODS)))
    if cache.key is None or KeyPart.BODY not in cache.key or is_safe:
        return
    said = "`safety: unsafe`" if safety is Safety.UNSAFE else f"the methods {', '.join(sorted(methods))}"
    findings.report(
        Code.CONFLICTING_KEYS,
        cache.place,
        f"a cache by `body` with {said}",
        "an answer from the cache would stand in for a request that must be carried out each time.",
        "write `safety: safe` if the requests only read, or remove `cache`.",
    )


def _read_list(findings: Findings, node: Node, read: Callable[[str], T], noun: str, what: str) -> tuple[T, ...] | None:
    """The values of a list, in its order."""
    nodes = read_items(findings, node, what)
    found = [read_value(findings, each, read, f"it is a {noun}") for each in nodes or ()]
    report_twice(findings, nodes or (), noun)
    return None if nodes is None else tuple(each for each in found if each is not None)


def _read_variant(text: str) -> Variant:
    return Variant(read_choice(text, _VARIANTS, "a variant"))


def _read_coding(text: str) -> Coding:
    return Coding(read_choice(text, _CODINGS, "a content coding"))


def _read_key_part(text: str) -> KeyPart | KeyHeader:
    kind, colon, name = text.partition(":")
    if colon and kind == "header" and name.lower() != "host":
        return KeyHeader(read_asked_field_name(name))
    if text in [part.value for part in KeyPart]:
        return KeyPart(text)
    raise Refusal(
        Code.BAD_CACHE_KEY,
        f"{text!r} is not a part of a cache key",
        "answers are always told apart by method, host and path; beside these, by the query, the body or a header.",
        "write query, body or header:NAME.",
    )


def _read_verify(findings: Findings, node: Node, path: Path) -> tuple[Digest, TargetTemplate] | None:
    table = read_table(findings, node, VERIFY)
    if table is None:
        return None
    if len(table) != 1:
        findings.report(
            Code.CONFLICTING_KEYS if table else Code.EMPTY_VALUE,
            node.place,
            f"a `verify` by {' and '.join(table)}" if table else "an empty table",
            "a file is verified by one digest, which its path says.",
            'write it as in {blake2b: "{a}{b}{rest}"}.',
        )
        return None
    ((name, value),) = table.items()
    digest = Digest(name)
    template = _read_template(findings, value, path, "it is a digest in hexadecimal digits, made of captures")
    if template is None or path is None:
        return None
    wrong = _why_no_digest(template, path, _HEX_DIGITS[digest])
    if wrong is None:
        return digest, template
    findings.report(
        Code.BAD_TEMPLATE,
        value.place,
        f"{template} is never a digest of {digest}: {wrong}",
        f"a digest of {digest} has {_HEX_DIGITS[digest]} hexadecimal digits, and no file would be kept.",
        "write the captures that make it up, and nothing else.",
    )
    return None


def _why_no_digest(template: TargetTemplate, path: PathTemplate | PathRegex, wanted: int) -> str | None:
    """Why a template can make no digest of so many digits, as far as it is plain to see."""
    lengths: list[int | None] = []
    for piece in template.pieces:
        if not isinstance(piece, str):
            lengths.append(1 if Filter.FIRST in piece.filters else _digits_of(path, piece.name))
        elif _HEX.fullmatch(piece):
            lengths.append(len(piece))
        else:
            return f"{piece!r} is not hexadecimal"
    known = sum(length for length in lengths if length is not None)
    if known > wanted or (None not in lengths and known != wanted):
        return f"it has {known} digits"
    return None


def _digits_of(path: PathTemplate | PathRegex, name: str) -> int | None:
    """How many digits a capture always has; None where its expression does not say so plainly."""
    for segment in path.segments if isinstance(path, PathTemplate) else ():
        if isinstance(segment, Expression) and segment.name == name:
            run = _HEX_RUN.fullmatch(segment.regex)
            return int(run[1]) if run else None
    return None


def _read_template(findings: Findings, node: Node, path: Path, what: str) -> TargetTemplate | None:
    if path is None:
        return None
    known = path
    return read_value(findings, node, lambda text: parse_text_template(text, known), what)
