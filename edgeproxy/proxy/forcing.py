"""Edge-Arm: a client that knows the token of this edge says on which arm of every cutover its request is.

    Edge-Arm: to TOKEN        the new arm, also while nobody else is on it
    Edge-Arm: from TOKEN      the old arm, also when everybody else has left it

Laws of this module:
- who does not know the token is refused, and not put on the arm of its place instead: whoever tries the new side would
  take the old side's answers for the new one's;
- what is forced is no random sample: gates do not count it.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from edgeproxy.proxy.plan import Answer, ByArm, Pass, ServeFile, overridden, say
from edgeproxy.ruleset.arms import Side

_SAID: Final = re.compile(r"(from|to)[ \t]+([A-Za-z0-9._~+/-]+=*)")


def side_of(said: str, token: bytes | None) -> Side | Answer:
    """What the field says; or the answer that the client gets instead. `token`: None while its file cannot be used."""
    if token is None:
        return say(503, "No arm can be chosen by Edge-Arm now: the edge cannot use its token's file.")
    found = _SAID.fullmatch(said)
    if found is None or not hmac.compare_digest(found[2].encode("ascii"), token):
        return say(403, "Edge-Arm is not `from` or `to` with the token of this edge.")
    return Side(found[1])


def forced(plan: ByArm, side: Side) -> tuple[str, Pass | ServeFile]:
    """The arm's backend, and its plan. The plan is of a cutover."""
    old, new = (arm.backend.name for arm in plan.split.arms)
    name = new if side is Side.NEW else old
    return name, overridden(plan.arms[name], side)
