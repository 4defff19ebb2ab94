"""What to do about a loop, by what it is made of."""

from __future__ import annotations

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.checker.held import FOR_EVER, spell
from edgeproxy.ruleset.checker.hops import Declared, Lead
from edgeproxy.ruleset.checker.walks import Walk
from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.model import Redirect, RedirectMap
from edgeproxy.ruleset.template import Insert

_FORMS = (Filter.PEP503, Filter.LOWER)


def remedy_of(walk: Walk) -> str:
    leads = tuple(dict.fromkeys(walk.leads))
    held = [lead for lead in leads if lead.is_held]
    if held:
        return _of_held(leads, held)
    if walk.is_endless:
        return _of_endless(leads)
    declared = [lead for lead in leads if isinstance(lead.source, Declared)]
    if declared:
        return _of_backend(leads, declared)
    if len(leads) == 1:
        return _of_one(walk, leads[0])
    last = leads[-1]
    return (
        f"let one of them answer instead of redirect: decide which URL is the final one, and take the requests for it "
        f"out of rule {last.rule.name!r} (by `where`, a narrower path, or another rule before it)."
    )


def _of_one(walk: Walk, lead: Lead) -> str:
    rule, first = lead.rule, walk.steps[0]
    after = first.following
    if isinstance(rule.action, RedirectMap):
        return f"take the pair {first.asked.path} out of {rule.action.moves.file.name}, or give it another target."
    form = _form_of(rule.action) if isinstance(rule.action, Redirect) else None
    if form is not None:
        name, chosen = form
        return (
            f"add `where: {{{name}: {{not_normalized: {chosen}}}}}` to the match of {rule.name!r}: then what is spelt "
            f"so already goes on to the next rule."
        )
    is_same = after is not None and (after.path, after.query) == (first.asked.path, first.asked.query)
    if is_same and _is_upgrade(lead) and not rule.match.schemes:
        return f"if it is to upgrade plain HTTP, add `scheme: http` to the match of {rule.name!r}; else {_NARROW}"
    return _NARROW


def _is_upgrade(lead: Lead) -> bool:
    return isinstance(lead.source, Redirect) and lead.source.to.source.startswith(f"{Scheme.HTTPS}://")


_NARROW = "let its `to` lead to a URL that the rule does not take, or narrow its match so that it does not."


def _form_of(action: Redirect) -> tuple[str, Filter] | None:
    for piece in action.to.pieces:
        if isinstance(piece, Insert):
            for chosen in piece.filters:
                if chosen in _FORMS:
                    return piece.name, chosen
    return None


def _of_backend(leads: tuple[Lead, ...], declared: list[Lead]) -> str:
    lead = declared[0]
    assert isinstance(lead.source, Declared)
    backend = lead.source.backend.name
    others = [each for each in leads if not isinstance(each.source, Declared)]
    if lead.source.is_fallback:
        return (
            f"give rule {lead.rule.name!r} a fallback that answers these paths itself, or none: {backend} only sends "
            "its client back."
        )
    if others:
        return (
            f"let rule {lead.rule.name!r} ask a backend that answers these paths itself, or take them out of rule "
            f"{others[0].rule.name!r}, which sends the client back to where {backend} is asked; if {backend} does not "
            "redirect them, correct its `redirects` (`edgeproxy check --probe` asks it)."
        )
    return (
        f"change what {backend} redirects, or `rewrite` the path that rule {lead.rule.name!r} asks it for; if it does "
        "not redirect these paths, correct its `redirects` (`edgeproxy check --probe` asks it)."
    )


def _of_endless(leads: tuple[Lead, ...]) -> str:
    return (
        f"let the `to` of rule {leads[0].rule.name!r} lead to a path that no redirect takes: what it adds is taken by "
        f"the same rule{'s' if len(leads) > 1 else ''} again."
    )


def _of_held(leads: tuple[Lead, ...], held: list[Lead]) -> str:
    own = next((lead for lead in held if not lead.age), None)
    if own is not None:
        return (
            "one client may get all of them, one after the other: let them lead the same way, or let nobody keep the "
            f"{own.status} of {own.place.file}:{own.place.line} (a 302 without a lifetime, or, in rule "
            f"{own.rule.name!r}, `rewrite: {{answer_headers: {{Cache-Control: no-store}}}}`)."
        )
    kept = max(lead.kept for lead in held)
    answer = _answer(next((lead for lead in leads if not lead.is_held), None))
    if kept == FOR_EVER:
        return (
            f"{answer}, and keep it so: what is held for ever is never asked for again, so waiting does not help. "
            "Caches of your own can be purged."
        )
    return (
        f"{answer} for {spell(kept).removeprefix('for ')}, as long as old copies are held, or purge every cache that "
        "has one; only then redirect, at first by 302 with a short lifetime, as in lifetime: 1m."
    )


def _answer(live: Lead | None) -> str:
    if live is None:
        return "answer these URLs without a redirect"
    if isinstance(live.source, Declared):
        return f"let rule {live.rule.name!r} ask a backend that answers these URLs without a redirect"
    return f"let rule {live.rule.name!r} answer these URLs without a redirect"
