"""Faults on demand, in either site: for one request by a header, or planted for a while.

`model` has the faults, `language` reads them, `planted` has those in force, `deciding` says what they do to a
request, `distorting` what is then read from the store; `middleware` and `admin` are all that touches HTTP.
"""

from backends.faults.distorting import FaultyStore
from backends.faults.incidents import Traits
from backends.faults.middleware import install

__all__ = ["FaultyStore", "Traits", "install"]
