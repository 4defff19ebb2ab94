"""Why an upload is not taken."""

from __future__ import annotations


class Refusal(Exception):
    """Uploaders print the reason phrase of the status line, so the message has to fit there.

    `section` names the part of the site's help that says more.
    """

    def __init__(self, status: int, message: str, section: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.section = section

    def told_at(self, origin: str) -> str:
        """The whole message, at a site of this origin."""
        if self.section is None:
            return self.message
        return f"{self.message} See {origin}/help/#{self.section} for more information."
