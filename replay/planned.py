"""A request that is going to be sent: what the schedule of a replay and the play of a model both come to, and what the
sender and Locust take.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeproxy.capture.record import Captured


@dataclass(frozen=True, slots=True)
class Planned:
    """`at`: seconds since the start of the run at which it is intended to be sent, whatever happened to others before
    it; a sequence of these is in that order. `lane`: the client's connection it goes over; those of one lane are sent
    in order, one after the other; "": over any that is free. `label`: what reports group by, a rule or a shape of URLs.
    """

    at: float
    lane: str
    method: str
    url: str  # absolute, http or https, without a fragment
    headers: tuple[tuple[str, str], ...] = ()  # without Host, framing and hop-by-hop ones: those are the sender's
    body: bytes = b""
    label: str = ""
    recorded: Captured | None = None  # what it was made of; None for a look-alike
