"""On which host a file lies, where one side gives it and the other one leads a client to it.

Laws of this module:
- that is so of a redirect to the same path and query on another host alone (RFC 3986 §5, as a client resolves it). One
  to any other path, or to the URL that was asked for, is another status;
- whether the file is there is not looked at: that is for who follows (`compare: redirect`, a rehearsal);
- the difference is named by the name of the host to which it has moved, so that a rule can say of one that it is meant.
"""

from __future__ import annotations

import re
from typing import Final

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.differences import At, Changed, shown
from edgeproxy.migration.comparing.simple_places import host_from, path_from

_HOST: Final = At("file:", "file:").part("host")
_PORT: Final = re.compile(":[0-9]+$")


def moved_file(old: Answer, new: Answer) -> Changed | None:
    """None: it is not so, or nobody knows where the file was asked for."""
    hosts = _hosts_of(old, new)
    if hosts is None:
        return None
    return Changed(*_HOST.part(_PORT.sub("", hosts[1].partition("://")[2])), *map(shown, hosts))


def _hosts_of(old: Answer, new: Answer) -> tuple[str, str] | None:
    if old.is_success and new.is_redirect:
        led = _led_to(new)
        return None if led is None else (host_from(old.url, ""), led)
    if old.is_redirect and new.is_success:
        led = _led_to(old)
        return None if led is None else (led, host_from(new.url, ""))
    return None


def _led_to(answer: Answer) -> str | None:
    """The host, where it is another one, and nothing but it."""
    locations = answer.values("location")
    if not answer.url or len(locations) != 1:
        return None
    host = host_from(answer.url, locations[0])
    is_moved = host != host_from(answer.url, "") and path_from(answer.url, locations[0]) == path_from(answer.url, "")
    return host if is_moved else None
