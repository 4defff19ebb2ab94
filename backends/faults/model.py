"""The faults that a site can be told to have: a closed set, as values.

fault = effect, a share of the requests it is for, and whether caches may keep what it does
where = what is asked (a surface of the site) and of which project; None is any
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

WHOLE: Final = 100_000  # all of the requests: shares are thousandths of a percent


class Surface(StrEnum):
    """A kind of thing that is asked for, whatever its URL on the one site and on the other."""

    SIMPLE = "simple"  # the simple API, in every form
    JSON = "json"  # /pypi/NAME/json
    PAGE = "page"  # what people read
    FILES = "files"  # below /packages/
    CALLS = "calls"  # XML-RPC
    UPLOAD = "upload"


class Hashes(StrEnum):
    FILE = "file"  # md5 and sha256 of a file
    METADATA = "metadata"  # of the `.metadata` beside a wheel (PEP 658)
    ALL = "all"


class Attribute(StrEnum):
    REQUIRES_PYTHON = "requires-python"
    YANKED = "yanked"
    CORE_METADATA = "core-metadata"


class Incident(StrEnum):
    HOST_LOOP = "host-loop"  # 2018-04-16: a file's URL leads to the other site's host, and from there back
    NAME_FLIP = "name-flip"  # 2022-06-10: JSON is under the spelling that redirected before, and the other redirects


@dataclass(frozen=True, slots=True)
class Slow:
    seconds: float


@dataclass(frozen=True, slots=True)
class Error:
    status: int


@dataclass(frozen=True, slots=True)
class Hang:
    pass


@dataclass(frozen=True, slots=True)
class Reset:
    after: int | None  # octets of the body; None: half of it


@dataclass(frozen=True, slots=True)
class Missing:
    pass


@dataclass(frozen=True, slots=True)
class WrongHash:
    of: Hashes


@dataclass(frozen=True, slots=True)
class Without:
    attribute: Attribute


@dataclass(frozen=True, slots=True)
class Redirect:
    incident: Incident


Untruth: TypeAlias = Missing | WrongHash | Without  # what the site then says of its packages
Effect: TypeAlias = Slow | Error | Hang | Reset | Redirect | Untruth


@dataclass(frozen=True, slots=True)
class Fault:
    effect: Effect
    share: int = WHOLE
    seed: int = 0  # of the dice that say which requests are in the share
    is_kept: bool = False  # its answers keep the caching headers of true ones


@dataclass(frozen=True, slots=True)
class Where:
    surface: Surface | None = None
    project: str | None = None  # normalised (PEP 503)


ANYWHERE: Final = Where()


@dataclass(frozen=True, slots=True)
class Place:
    """What one request asks for. `surface`: None for what has none, such as a health check."""

    surface: Surface | None
    project: str | None = None  # normalised; None: of no project, or it cannot be seen
