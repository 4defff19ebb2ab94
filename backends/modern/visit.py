"""One request, as the facts that a view may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from backends.modern.site import Site
from backends.store import File, Store


@dataclass(frozen=True, slots=True)
class Visit:
    store: Store
    site: Site
    now: datetime
    raw_path: str
    query_string: str
    captures: Mapping[str, str]  # from the path, percent-decoded
    query: Mapping[str, str]
    accept: str | None
    scheme: str
    client: str  # its address, as the edge tells it
    host: str  # as the client named it, the edge's `X-Forwarded-Host` before the edge's own `Host`

    prefix: str = ""  # of paths of this index, where it is not the site's own
    own_files_url: str | None = None  # likewise

    @property
    def origin(self) -> str:
        """What the client sees before the path."""
        return f"{self.scheme}://{self.host}"

    @property
    def files_url(self) -> str:
        return self.own_files_url or self.site.files_url_at(self.host)

    def has_signature(self, file: File) -> bool:
        return file.has_signature and self.site.era.keeps_signatures

    def roles_of(self, normalized: str) -> list[dict[str, str]]:
        return [{"role": role, "user": user} for role, user in self.store.roles(normalized)]

    def with_query(self, path: str) -> str:
        """A path of this site, with the query that was asked with."""
        path = self.prefix + path
        return f"{path}?{self.query_string}" if self.query_string else path


def path_of(*segments: str) -> str:
    """`/a/b/` from `a` and `b`, whatever characters they have."""
    return "/" + "".join(f"{quote(segment, safe='!+~')}/" for segment in segments)
