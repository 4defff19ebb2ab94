"""The table and the JSON of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from loadtests.eviction.run import Outcome


def table_of(outcomes: Sequence[Outcome]) -> str:
    """Hit ratios by requests, and by octets where the two differ."""
    policies = list(dict.fromkeys(one.policy for one in outcomes))
    lines = ["| trace | cache | " + " | ".join(policies) + " |", "|---|---|" + "---|" * len(policies)]
    for trace, share in dict.fromkeys((one.trace, one.share) for one in outcomes):
        of_row = {one.policy: one for one in outcomes if (one.trace, one.share) == (trace, share)}
        cells = (_cell(of_row[policy]) if policy in of_row else "" for policy in policies)
        lines.append(f"| `{trace}` | {share:.0%} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(outcome: Outcome) -> str:
    by_requests = f"{100 * outcome.hits:.1f}"
    by_octets = f"{100 * outcome.octets:.1f}"
    return by_requests if by_requests == by_octets else f"{by_requests} ({by_octets})"


def json_of(outcomes: Iterable[Outcome]) -> list[dict[str, object]]:
    return [asdict(one) for one in outcomes]
