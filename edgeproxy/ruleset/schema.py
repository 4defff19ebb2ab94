"""The rule language as a JSON Schema (2020-12), for editors that complete and check as one writes.

It is made from the Shapes that the reader goes by; `schema_keys` says of each key what it is and what its value looks
like. What a schema cannot say (names that must be declared, loops, dead rules) is left to `edgeproxy check`: so every
valid file is valid here, and not every file that is valid here is a valid one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from edgeproxy.ruleset.schema_keys import TABLES, Key
from edgeproxy.ruleset.shape import FILE, Shape

Json = Mapping[str, Any]
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> Json:
    """The schema of a rule file. A key that is in a Shape and not in `schema_keys` raises KeyError."""
    tables = {each.name: _table(each.shape, each.keys, each.further) for each in TABLES}
    root = tables.pop("file")
    return {"$schema": _DIALECT, "title": "edgeproxy rule file", **root, "$defs": tables}


def _table(shape: Shape, keys: Mapping[str, Key], further: Json) -> Json:
    # A file may leave to those that it includes, or that include it, what is needed of them together.
    required = ("edge",) if shape is FILE else shape.required
    return {
        "type": "object",
        "description": shape.what,
        "properties": {key: {"description": keys[key].says, **keys[key].value} for key in shape.keys},
        **({"required": list(required)} if required else {}),
        "additionalProperties": False,
        **further,
    }
