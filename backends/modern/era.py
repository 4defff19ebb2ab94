"""The new site of an earlier day: what was so until which day. Without one it is that of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Era:
    day: date | None = None

    @property
    def answers_json_verbatim(self) -> bool:
        """JSON is under the name as its author wrote it: until the other way round made the loop of that day."""
        return self._is_before(date(2022, 6, 10))

    @property
    def answers_search(self) -> bool:
        return self._is_before(date(2020, 12, 14))

    @property
    def answers_reads(self) -> bool:
        """The XML-RPC methods that the JSON and simple APIs took the place of."""
        return self._is_before(date(2024, 9, 26))

    @property
    def keeps_signatures(self) -> bool:
        """PGP signatures of files; since then they are thrown away, and none is told of."""
        return self._is_before(date(2023, 5, 23))

    def _is_before(self, day: date) -> bool:
        return self.day is not None and self.day < day
