"""The old site of an earlier day: what was so until, or since, which day.

The days are those of the changes in its source. A site of today's default is that of its last days, in April 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

LAST_DAY: Final = date(2018, 4, 14)


@dataclass(frozen=True, slots=True)
class Era:
    day: date = LAST_DAY

    @property
    def links_out(self) -> bool:
        """Simple pages name home pages and download pages too, for installers to look through."""
        return self.day < date(2013, 5, 15)

    @property
    def tells_serials(self) -> bool:
        return self.day >= date(2013, 5, 31)

    @property
    def redirects_to_verbatim(self) -> bool:
        """A simple page is under the name as its author wrote it."""
        return self.day < date(2014, 8, 28)

    @property
    def signs_pages(self) -> bool:
        """`/serversig/` and the key to it (PEP 381)."""
        return self.day < date(2015, 1, 23)

    @property
    def has_hashed_paths(self) -> bool:
        return self.day >= date(2016, 4, 18)

    @property
    def says_what_python(self) -> bool:
        """`data-requires-python` on simple pages."""
        return self.day >= date(2016, 10, 1)

    @property
    def lists_the_world(self) -> bool:
        """`/pypi/` has every project there is."""
        return self.day < date(2017, 7, 16)

    @property
    def takes_uploads(self) -> bool:
        """Files, documentation and what is said of a release."""
        return self.day < date(2017, 6, 28)

    @property
    def registers(self) -> bool:
        """Accounts: until that was the new site's alone."""
        return self.day < date(2018, 2, 18)
