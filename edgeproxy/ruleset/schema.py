"""The rule language as a JSON Schema (2020-12), for editors that complete and check as one writes.

It is made from the Shapes that the reader goes by; TABLES says of each key what it is and what its value looks like.
What a schema cannot say (names that must be declared, loops, dead rules) is left to `edgeproxy check`: so every valid
file is valid here, and not every file that is valid here is a valid one.
"""

from __future__ import annotations

from typing import Final

from edgeproxy.ruleset.schema_forms import Json, TableSchema
from edgeproxy.ruleset.schema_rules import RULES
from edgeproxy.ruleset.schema_site import SITE

TABLES: Final = (*SITE, *RULES)
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> Json:
    """The schema of a rule file. A key that is in a Shape and not in TABLES raises KeyError."""
    tables = {each.name: _table(each) for each in TABLES}
    root = tables.pop("file")
    return {"$schema": _DIALECT, "title": "edgeproxy rule file", **root, "$defs": tables}


def _table(table: TableSchema) -> Json:
    shape, keys = table.shape, table.keys
    required = shape.required if table.required is None else table.required
    return {
        "type": "object",
        "description": shape.what,
        "properties": {key: {"description": keys[key].says, **keys[key].value} for key in shape.keys},
        **({"required": list(required)} if required else {}),
        "additionalProperties": False,
        **table.further,
    }
