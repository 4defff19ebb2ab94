"""What an operator says about the site: where its files are, and who may upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.x509 import Certificate

from backends.modern.era import Era
from backends.modern.limiting import CALLS_AN_HOUR

DEFAULT_FILES_URL = "http://files.pypihosted.test"


@dataclass(frozen=True, slots=True)
class Site:
    files_url: str = DEFAULT_FILES_URL  # without a slash at the end
    files_url_for: Mapping[str, str] = field(default_factory=dict)  # by the public host that was asked
    upload_token: str | None = None  # None: nobody may upload
    era: Era = field(default_factory=Era)
    calls_an_hour: int | None = CALLS_AN_HOUR  # XML-RPC calls that one client may make; None: any number
    attestation_issuers: tuple[Certificate, ...] = ()  # of those whose attestations are taken; none: anybody's
    new_projects_an_hour: int | None = None  # that one client may make; None: any number

    def files_url_at(self, public_host: str) -> str:
        return self.files_url_for.get(public_host.lower(), self.files_url)
