"""What the old site says back: values, and the headers that every answer gets.

Laws of this module:
- an error's message is its reason phrase and its plain-text body alike; clients of the time print the former;
- a redirect has a `Location` and nothing else;
- who may cache an answer, and for how long, follows from the script alone, redirects and errors included.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]

HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"

# The second is a slip of the old application's: the charset was meant to be a part of the first.
CALL_HEADERS: Headers = (("Content-Type", "text/xml"), ("charset", "UTF-8"))

_STANDING: Headers = (
    ("X-Clacks-Overhead", "GNU Terry Pratchett"),
    ("X-Frame-Options", "deny"),
    ("X-XSS-Protection", "1; mode=block"),
    ("X-Content-Type-Options", "nosniff"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
)

_LONGEST_REASON = 1000  # few read a status line of more than 8 KiB, and a message may quote megabytes
_REASONS = {
    200: "OK",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    307: "Temporary Redirect",
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    reason: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The bytes `first` to `first + length` of a file, as a whole answer (200) or a part (206)."""

    status: int
    reason: str
    headers: Headers
    path: Path
    first: int
    length: int


def standing_headers(script: str, status: int) -> Headers:
    """The headers of every answer below a script."""
    return _STANDING + _caching(script, status)


def _caching(script: str, status: int) -> Headers:
    match script:
        case "simple":  # a day in the shared cache, ten minutes with the client
            return (("Surrogate-Control", "max-age=86400"), ("Cache-Control", "max-age=600, public"))
        case "packages":
            lifetime = 31557600 if status in (200, 304) else 3600
            return (("Cache-Control", f"max-age={lifetime}, public"),)
        case "mirrors" | "security":
            return (("Cache-Control", "max-age=604800, public"),)
        case _:
            return ()


def reason_of(status: int) -> str:
    return _REASONS[status]


def found(body: str | bytes, content_type: str, headers: Headers = ()) -> Answer:
    sent = body.encode() if isinstance(body, str) else body
    return Answer(200, reason_of(200), (("Content-Type", content_type), *headers), sent)


def moved(location: str, status: int = 301) -> Answer:
    return Answer(status, reason_of(status), (("Location", location),))


def missing(why: str) -> Answer:
    return _failed(404, f"Not Found ({why})")


def gone(why: str) -> Answer:
    return _failed(410, f"Gone ({why})", headers=(("Cache-Control", "max-age=31557600, public"),))


def passing(location: str) -> Answer:
    """A redirect that no browser is to remember."""
    return Answer(307, reason_of(307), (("Location", location), ("Cache-Control", "max-age=0")))


def login(why: str) -> Answer:
    return _failed(401, why, heading="Login required", headers=(("WWW-Authenticate", 'Basic realm="pypi"'),))


def forbidden(why: str) -> Answer:
    return _failed(403, why, heading="Forbidden")


def refused(why: str, heading: str = "") -> Answer:
    return _failed(400, why, heading)


def failed() -> Answer:
    return _failed(500, "There's been a problem with your request", heading="Error...")


def malformed(why: str) -> Answer:
    return _failed(400, why, heading="Error processing form")


def too_large() -> Answer:
    """Said by the web layer in front, before the application sees anything."""
    return Answer(413, "Request Entity Too Large", (("Content-Type", "text/html"),), b"413 Request Entity Too Large\n")


def broken() -> Answer:
    return _failed(500, "Please try again later.", heading="Database connection failed")


def _failed(status: int, message: str, heading: str = "", headers: Headers = ()) -> Answer:
    body = "".join(f"{line}\n\n" for line in (heading, message) if line)
    return Answer(status, _in_one_line(message[:_LONGEST_REASON]), (("Content-Type", PLAIN), *headers), body.encode())


def _in_one_line(message: str) -> str:
    """A message may hold what the client sent; no part of it may end the status line."""
    return "".join(character if character.isprintable() else " " for character in message)
