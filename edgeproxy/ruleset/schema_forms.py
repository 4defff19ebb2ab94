"""What the values of a rule file look like, for the JSON Schema.

Laws of this module:
- a rule file's texts are texts whatever YAML takes them for: `8080` and `true` come to a schema as a number and a
  boolean. So the forms take both spellings where a text can have both; a `pattern` is looked at for strings only;
- a form takes everything that the edge's own reader takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edgeproxy.ruleset.shape import Shape
from edgeproxy.ruleset.values import EDGES_OWN_FIELDS

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    says: str
    value: Json


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A Shape with its keys. `required` stands for that of the Shape where a table may do with less; `further` is what
    holds of the table as a whole.
    """

    name: str
    shape: Shape
    keys: Mapping[str, Key]
    further: Json = field(default_factory=dict)
    required: tuple[str, ...] | None = None


# -- texts --------------------------------------------------------------------------------------------------------

_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
_TOKEN: Final = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SOME: Final = "(?=.*[1-9])"  # a number that is not 0

TEXT: Final[Json] = {"type": ["string", "number", "boolean"]}
NAME: Final[Json] = {**TEXT, "pattern": _NAME}
FLAG: Final[Json] = {"enum": [True, False, "true", "false"]}
PATH: Final[Json] = {"type": "string", "pattern": "^/"}
URL: Final[Json] = {"type": "string", "pattern": "^(https?://|unix:)"}
TARGET: Final[Json] = {"type": "string", "pattern": "^(/|https?://)"}
FILE_NAME: Final[Json] = {**TEXT, "pattern": "[^/]$"}
ADDRESS: Final[Json] = {"type": "string", "pattern": r"^(unix:.+|(\[[^\]]+\]|[0-9.]+):[0-9]{1,5})$"}
AUTHORITY: Final[Json] = {**TEXT, "pattern": r"^(\[[^\]/]*\]|[^:/\[\]@]+)(:[0-9]{1,5})?$"}
NETWORK: Final[Json] = {"type": "string", "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", "examples": ["10.0.0.0/8"]}
METHOD: Final[Json] = {"type": ["string", "number"], "pattern": "^[!#$%&'*+.^_`|~0-9A-Z-]+$"}
PROTOCOL: Final[Json] = {**TEXT, "pattern": f"^{_TOKEN}(/{_TOKEN})?$"}
ASCII_REGEX: Final[Json] = {**TEXT, "pattern": "^[ -~]*$"}  # RE2's, whose syntax is not that of `format: regex`
FIELD_VALUE: Final[Json] = {**TEXT, "pattern": r"^([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?$"}
# The name or value of a query parameter: decoded, so without escapes.
PARAMETER: Final[Json] = {**TEXT, "pattern": r"^(?![\s\S]*%[0-9A-Fa-f]{2})"}
_STATUSES: Final = "status(/[1-5][0-9]{2}){2}"
_PATHS: Final = "(json|xmlrpc|index|html):(/[^/]+)+"
IGNORE: Final[Json] = {
    "type": "string",
    "pattern": f"^(header:{_TOKEN}|{_STATUSES}|{_PATHS}|html:[^/][\\s\\S]*|json:empty|file:/host(/[^/]+)?)$",
    "examples": [
        "header:X-Served-By",
        "status/404/200",
        "json:/info/downloads",
        "index:/files/*/hashes/md5",
        "html:meta[name=csrf-token]",
    ],
}
STICKY_KEY: Final[Json] = {"type": "string", "pattern": f"^(client|(header|cookie):{_TOKEN})$"}
MOMENT: Final[Json] = {
    "type": "string",
    "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9])?Z)?$",
    "examples": ["2024-09-05", "2024-09-05T12:00Z"],
}


def field_name(*others: str, edges_own: bool = True) -> Json:
    """The name of a header. `others` are refused; so are those that only the edge writes, save where asked for."""
    refused = [*others, *(sorted(EDGES_OWN_FIELDS) if edges_own else ())]
    return {"type": ["string", "number", "boolean"], "pattern": f"^{_but(refused)}{_TOKEN}$"}


def text_but(*words: str) -> Json:
    """A text that says something: none of these words, in any case, and no true or false."""
    return {"type": ["string", "number"], "pattern": rf"^{_but(words)}[\s\S]*\S"}


def _but(words: Iterable[str]) -> str:
    any_case = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in words)
    return f"(?!({'|'.join(any_case)})$)"


CACHE_KEY_PART: Final[Json] = {"type": "string", "pattern": f"^(query|body|header:{_but(['host'])}{_TOKEN})$"}

# -- quantities ---------------------------------------------------------------------------------------------------

NUMBER: Final[Json] = {"type": ["integer", "string"], "minimum": 0, "maximum": 999_999_999, "pattern": "^[0-9]{1,9}$"}
COUNT: Final[Json] = {**NUMBER, "minimum": 1, "pattern": f"^{_SOME}[0-9]{{1,9}}$"}
INT32: Final[Json] = {
    "type": ["integer", "string"],
    "minimum": -(1 << 31),
    "maximum": (1 << 31) - 1,
    "pattern": "^-?[0-9]{1,10}$",
}
DURATION: Final[Json] = {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "examples": ["500ms", "30s", "1h"]}
WAIT: Final[Json] = {**DURATION, "pattern": f"^{_SOME}[0-9]{{1,9}}(ms|s|m|h|d)$"}  # not 0
LIFETIME: Final[Json] = {  # whole seconds
    "type": "string",
    "pattern": "^([0-9]{1,9}(s|m|h|d)|[0-9]{1,6}000ms|0{1,9}ms)$",
    "examples": ["10m", "1h", "365d"],
}
SIZE: Final[Json] = {
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": "^[0-9]{1,15}(KiB|MiB|GiB)?$",
    "examples": ["32KiB", "1GiB"],
}
CAPACITY: Final[Json] = {**SIZE, "minimum": 1, "pattern": f"^{_SOME}[0-9]{{1,15}}(KiB|MiB|GiB)?$"}  # not 0
RATE: Final[Json] = {"type": "string", "pattern": f"^{_SOME}[0-9]{{1,9}}/[smh]$", "examples": ["10/s"]}
_SHARE: Final = r"(100(\.0{1,3})?|0?[0-9]{1,2}(\.[0-9]{1,3})?)"
SHARE: Final[Json] = {"type": ["number", "string"], "minimum": 0, "maximum": 100, "pattern": f"^{_SHARE}$"}
PERCENTAGE: Final[Json] = {**SHARE, "pattern": rf"^{_SHARE}\s*%?$", "examples": ["0.5%"]}
STEP: Final[Json] = {
    "type": ["number", "string"],
    "exclusiveMinimum": 0,
    "maximum": 100,
    "pattern": rf"^{_SOME}{_SHARE}\s*%?$",
}
RATIO: Final[Json] = {
    "type": ["number", "string"],
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 1_000,
    "pattern": rf"^{_SOME}[0-9]{{1,3}}(\.[0-9]{{1,3}})?$",
}

# -- what is made of them -----------------------------------------------------------------------------------------


def choice(*values: str) -> Json:
    return {"enum": [str(value) for value in values]}


def one_status(*values: int) -> Json:
    return {"enum": [*values, *map(str, values)]}


def status(first_digits: str) -> Json:
    """Any status whose first digit is one of these, which follow one another."""
    return {
        "type": ["integer", "string"],
        "minimum": int(first_digits[0]) * 100,
        "maximum": int(first_digits[-1]) * 100 + 99,
        "pattern": f"^[{first_digits}][0-9][0-9]$",
    }


def either(*values: Json) -> Json:
    return {"anyOf": list(values)}


def items(value: Json) -> Json:
    return {"type": "array", "items": value, "minItems": 1}


def distinct(value: Json) -> Json:
    """A list of words: of other texts two may be one to a schema, as 1 and 1.0 are."""
    return {**items(value), "uniqueItems": True}


def one_or_more(value: Json) -> Json:
    return either(value, items(value))


def table(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def entries(key: Json, value: Json) -> Json:
    """A table of some entries, whose keys its author chose."""
    return {"type": "object", "propertyNames": _without_type(key), "additionalProperties": value, "minProperties": 1}


def names(value: Json) -> Json:
    return entries(NAME, value)


def _without_type(form: Json) -> Json:
    return {key: value for key, value in form.items() if key != "type"}  # a key is a string to JSON


# -- what holds of a table as a whole -----------------------------------------------------------------------------


def one_of(keys: Sequence[str]) -> Json:
    return {"oneOf": [{"required": [key]} for key in keys]}


def any_of(keys: Sequence[str]) -> Json:
    return {"anyOf": [{"required": [key]} for key in keys]}


def parts_need(key: str, parts: Sequence[str], needed: str) -> Json:
    """A table under this key that has one of these parts needs another key beside it."""
    return {"if": {"required": [key], "properties": {key: any_of(parts)}}, "then": {"required": [needed]}}


SOME: Final[Json] = {"minProperties": 1}
ONE: Final[Json] = {"minProperties": 1, "maxProperties": 1}
