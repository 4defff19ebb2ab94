"""`/stats/`: how much is here, and whose. JSON only for who asks for just that."""

from __future__ import annotations

from typing import Final

from backends.modern import answers, rendering
from backends.modern.answers import Answer
from backends.modern.pages import CSP
from backends.modern.visit import Visit
from backends.steps import Steps

_LARGEST: Final = 100  # projects
_HEADERS: Final = (("Vary", "Accept"), ("Surrogate-Control", "max-age=86400, stale-if-error=86400"))


def stats(visit: Visit) -> Steps[Answer]:
    total, largest = yield from visit.store.sizes(_LARGEST)
    if visit.accept is not None and visit.accept.partition(";")[0].strip().lower() == answers.JSON:
        sizes = {name: {"size": size} for name, size in largest}
        document = {"top_packages": sizes, "total_packages_size": total}
        return answers.found(rendering.json_line(document), answers.JSON, _HEADERS)
    page = rendering.html("stats.html", total=total, largest=largest)
    return answers.found(page, answers.HTML, (*_HEADERS, CSP))
