"""JSON (RFC 8259), read within bounds.

Law: what two readers may read differently is not read: other encodings than UTF-8, NaN and Infinity, a name twice in
an object.
"""

from __future__ import annotations

import json
from json.decoder import JSONDecoder
from typing import Final, NoReturn

from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.decoding import utf8_text
from edgeproxy.migration.comparing.trees import Tree, check_bounds, number


def read_json(content: bytes, bounds: Bounds) -> Tree:
    text = utf8_text(content)
    try:
        tree: Tree = _DECODER.decode(text)
    except RecursionError:
        raise BrokenContent(Flaw.TOO_DEEP, f"more than {bounds.depth} levels") from None
    except json.JSONDecodeError as error:
        raise BrokenContent(Flaw.SYNTAX, f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError:  # Python makes no number of more than 4300 digits
        raise BrokenContent(Flaw.SYNTAX, "a number of thousands of digits") from None
    check_bounds(tree, bounds)
    return tree


def _object(pairs: list[tuple[str, Tree]]) -> Tree:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise BrokenContent(Flaw.TWICE, f"the name {twice[:100]!r}")
    return found


def _refuse(constant: str) -> NoReturn:
    raise BrokenContent(Flaw.SYNTAX, f"{constant} is no JSON")


_DECODER: Final = JSONDecoder(object_pairs_hook=_object, parse_float=number, parse_constant=_refuse)
