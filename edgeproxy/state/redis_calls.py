"""What the Redis store keeps on its server, under which keys, and the script by which it is changed.

Laws of this module:
- a journal is a list; an entry's place in it is its number less 1, so that its length is the number of the last one;
- one script changes everything there is to change, or nothing: the list, the audit stream, the news to other nodes;
- all keys have one hash tag, so that they are on one node of a Redis cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

VERSION: Final = 1
OTHER_VERSION: Final = 2  # what the script answers when the keys are of another one


class Answer(IntEnum):
    """Of the script."""

    BEHIND = -1  # the server has fewer entries than the one who asks
    REFUSED = 0  # another was faster
    TAKEN = 1


# KEYS: version, journal, names, audit. ARGV: version, how many entries it has, entry, cutover, node, channel.
APPEND: Final = f"""
local version = redis.call('GET', KEYS[1])
if version and version ~= ARGV[1] then return {OTHER_VERSION} end
local before, length = tonumber(ARGV[2]), redis.call('LLEN', KEYS[2])
if length < before then return {Answer.BEHIND:d} end
if length > before then
  if redis.call('LINDEX', KEYS[2], before) == ARGV[3] then return {Answer.TAKEN:d} end
  return {Answer.REFUSED:d}
end
if not version then redis.call('SET', KEYS[1], ARGV[1]) end
redis.call('RPUSH', KEYS[2], ARGV[3])
redis.call('SADD', KEYS[3], ARGV[4])
redis.call('XADD', KEYS[4], '*', 'cutover', ARGV[4], 'node', ARGV[5], 'entry', ARGV[3])
redis.call('PUBLISH', ARGV[6], ARGV[4])
return {Answer.TAKEN:d}
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """By a prefix, so that several edges may share a server."""

    prefix: str

    @property
    def version(self) -> str:
        return f"{{{self.prefix}}}:version"

    @property
    def never(self) -> str:
        """What nobody sets: to set it if it is there changes nothing, and is refused where all writing is."""
        return f"{{{self.prefix}}}:never"

    @property
    def names(self) -> str:
        return f"{{{self.prefix}}}:cutovers"

    @property
    def audit(self) -> str:
        return f"{{{self.prefix}}}:audit"

    @property
    def channel(self) -> str:
        return f"{{{self.prefix}}}:changes"

    def journal(self, name: str) -> str:
        return f"{{{self.prefix}}}:journal:{name}"
