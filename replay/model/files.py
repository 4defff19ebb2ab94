"""Model files: YAML (or JSON) of exactly what `model` declares, read back with every type looked at.

What is read may be written by anybody: whatever is not as declared is told with its place, and no figure is out of
bounds.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import yaml

from replay.model.model import VERSION, Model
from replay.model.popularity import MOST_ITEMS
from replay.model.quantiles import AT, Quantiles
from replay.model.sound import problems_of

LARGEST: Final = 16 << 20  # octets of a file
_MOST: Final = 1e12
_HEAD: Final = "# Traffic's look-alike, fitted by `edgeproxy model fit`: replay/README.md says what each figure is.\n"


class BadModel(ValueError):
    """What is no model; the message says where, and why."""


def written(model: Model, *, as_json: bool = False) -> str:
    words = _words(model)
    if as_json:
        return json.dumps(words, indent=1, ensure_ascii=True) + "\n"
    return _HEAD + yaml.dump(words, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=120)


def read(text: str) -> Model:
    """Either. Raises BadModel."""
    try:
        words = json.loads(text) if text.lstrip().startswith("{") else _of_yaml(text)
    except BadModel:
        raise
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadModel(f"it is neither YAML nor JSON: {error}") from None
    version = words.get("look_alike") if isinstance(words, dict) else None
    if version != VERSION:
        raise BadModel(f"`look_alike` says the version, and is {VERSION} here, not {version!r}")
    model: Model = _read(words, Model, "")
    for problem in problems_of(model):
        raise BadModel(problem)
    return model


def _of_yaml(text: str) -> Any:
    """Without aliases: none is ever written, and a few lines of them say as much as no memory holds."""
    if any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text, _LOADER)):
        raise BadModel("it has an alias (`*name`): say everything where it stands")
    return yaml.load(text, _LOADER)


_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Dumper(yaml.SafeDumper):
    """Lists of plain values stand on one line; nothing is written as an alias of something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        return super().represent_sequence(tag, sequence, not any(isinstance(each, dict) for each in sequence))


def _words(value: Any) -> Any:
    if isinstance(value, Quantiles):
        return list(value.values)
    if is_dataclass(value):
        members = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: _words(member) for each, member in members if not _is_default(each, member)}
    if isinstance(value, Mapping):
        return {str(name): _words(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_words(member) for member in value]
    if isinstance(value, StrEnum):
        return str(value)
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _is_default(declared: Any, value: Any) -> bool:
    return declared.default is not MISSING and value == declared.default


def _read(words: Any, wanted: Any, place: str) -> Any:
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return None if words is None else _read(words, next(each for each in inner if each is not type(None)), place)
    if wanted is Quantiles:
        return Quantiles(_ordered(_read(words, tuple[float, ...], place), place))
    if is_dataclass(wanted):
        return _read_members(words, wanted, place)
    if origin is tuple:
        return _read_tuple(words, inner, place)
    if origin in (Mapping, dict):
        given = _of_type(words, dict, "a mapping", place)
        return {_read(name, str, place): _read(each, inner[1], f"{place}.{name}") for name, each in given.items()}
    return _read_plain(words, wanted, place)


def _read_tuple(words: Any, inner: tuple[Any, ...], place: str) -> tuple[Any, ...]:
    given = _of_type(words, list, "a list", place)
    kinds = [inner[0]] * len(given) if len(inner) == 2 and inner[1] is Ellipsis else list(inner)
    if len(kinds) != len(given):
        raise BadModel(f"{place}: {len(kinds)} values are expected, and {len(given)} are there")
    return tuple(_read(each, kind, f"{place}[{at}]") for at, (each, kind) in enumerate(zip(given, kinds, strict=True)))


def _read_members(words: Any, wanted: Any, place: str) -> Any:
    given = _of_type(words, dict, "a mapping", place)
    declared = {each.name: each for each in fields(wanted)}
    unknown = [str(name) for name in given if name not in declared]
    if unknown:
        raise BadModel(f"{place or 'the model'}: unknown key {unknown[0]!r}; there are {', '.join(declared)}")
    kinds, read_ones = _hints(wanted), {}
    for name, each in declared.items():
        if name in given:
            read_ones[name] = _read(given[name], kinds[name], f"{place}.{name}" if place else name)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise BadModel(f"{place or 'the model'}: `{name}` is not there")
    return wanted(**read_ones)


@lru_cache(32)
def _hints(wanted: Any) -> Mapping[str, Any]:
    return get_type_hints(wanted)


def _read_plain(words: Any, wanted: Any, place: str) -> Any:
    if wanted is float or wanted is int:
        most = MOST_ITEMS if place.endswith(".items") else _MOST
        known = (int, float) if wanted is float else (int,)
        if isinstance(words, bool) or not isinstance(words, known) or not 0 <= words <= most:  # NaN is not, either
            said = "a number" if wanted is float else "a whole number"
            raise BadModel(f"{place}: {said} from 0 to {most:g} is expected")
        return wanted(words)
    text = _of_type(words, str, "a text", place)
    if wanted is str:
        return text
    try:
        return wanted(text)
    except ValueError:
        raise BadModel(f"{place}: {text!r} is none of {', '.join(wanted)}") from None


def _of_type(words: Any, kind: type, said: str, place: str) -> Any:
    if not isinstance(words, kind):
        raise BadModel(f"{place or 'the model'}: {said} is expected")
    return words


def _ordered(values: tuple[float, ...], place: str) -> tuple[float, ...]:
    if len(values) != len(AT) or list(values) != sorted(values):
        raise BadModel(f"{place}: {len(AT)} quantiles are expected, none less than the one before")
    return values
