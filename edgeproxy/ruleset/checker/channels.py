"""What a hop makes of a request, its path aside: on boxes of facets, with one more dimension for each split.

Laws of this module:
- a box is that of Facets with a mask for each split and cutover behind it: which arm the client is on;
- the next request's box holds every request that a client could ask next (RFC 9110 §15.4), and maybe more;
- client and moment stay; so do arms, and the headers that are no credentials. Another host is told other credentials,
  and a client that is known by them, or by a token, may be on another arm there. That a pin keeps some clients off an
  arm is not used: so what holds, holds for all of them on both arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.arms import Cutover, Split, backends_of, is_known_by_host
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.checker.boxes import Box
from edgeproxy.ruleset.checker.facets import Dimension, Facets, Header, Parameter, Verb
from edgeproxy.ruleset.checker.held import KEPT_METHODS
from edgeproxy.ruleset.checker.hops import Declared, Fixed, Lead
from edgeproxy.ruleset.checker.simulate import methods_after
from edgeproxy.ruleset.checker.targets import Aim
from edgeproxy.ruleset.conditions import parameters
from edgeproxy.ruleset.modifiers import KeyPart

_CAPTURE: Final = "\N{REPLACEMENT CHARACTER}"

Query = str | Sequence[str | Language] | None  # what a target writes after its '?'


class Channels:
    """Boxes with arms, for the leads of one check."""

    def __init__(self, facets: Facets, leads: Sequence[Lead]) -> None:
        self._facets = facets
        self._splits: dict[str, Split | Cutover] = {}
        for lead in leads:
            if lead.is_bound_to_arm and isinstance(lead.source, Declared) and lead.source.arm is not None:
                self._splits.setdefault(lead.source.arm.name, lead.source.arm)
        self._every = tuple((1 << len(backends_of(each))) - 1 for each in self._splits.values())
        self._credentials = [at for name in sorted(CREDENTIAL_NAMES) if (at := facets.at(Header(name))) is not None]
        self._parameters = [(facets.at(axis) or 0, axis.name) for axis in facets.texts if isinstance(axis, Parameter)]
        self._verbs = {verb: at for at, verb in enumerate(facets.verbs)}
        self._next_verbs: dict[tuple[int, int], int] = {}
        self._open_heads = [at for axis in facets.texts if isinstance(axis, Header) and (at := facets.at(axis))]

    @property
    def universe(self) -> Box:
        return (*self._facets.universe, *self._every)

    def bare(self, box: Box) -> Box:
        """The box without arms."""
        return box[: len(self._facets.universe)]

    def entered(self, lead: Lead, box: Box) -> Box | None:
        """What of a rule's box, without arms, the lead may answer."""
        facets = self._facets
        found: Box | None = box
        if isinstance(lead.source, Declared):
            found = self._declared(lead, lead.source, box)
        if found is not None and lead.is_held:
            narrowed = facets.with_masks(found, {Dimension.METHOD: facets.methods(KEPT_METHODS)})
            found = None if narrowed is None else self._from_memory(lead, narrowed)
        if found is None:
            return None
        return (*found, *self._arms_of(lead))

    def left(self, lead: Lead, box: Box, aim: Aim, query: Query) -> Box | None:
        """The box of the next request; None where that is for no host of the edge."""
        masks = list(box)
        facets = self._facets
        host = facets.universe[Dimension.HOST.value] if aim.host is None else facets.host_names([aim.host])
        if aim.host is None:
            host = box[Dimension.HOST.value]
        if not host:
            return None
        moved = host != box[Dimension.HOST.value]
        masks[Dimension.HOST.value] = host
        if aim.scheme is not None:
            masks[Dimension.SCHEME.value] = facets.schemes([Scheme(aim.scheme)])
        masks[Dimension.METHOD.value] = self._verbs_after(lead.status, box[Dimension.METHOD.value])
        if moved:
            for at in self._credentials:
                masks[at] = facets.universe[at]
            for number, split in enumerate(self._splits.values()):
                if is_known_by_host(split):
                    masks[len(facets.universe) + number] = self._every[number]
        self._write_query(lead, query, masks)
        return tuple(masks)

    def with_any_query(self, box: Box) -> Box:
        masks = list(box)
        for at, _ in self._parameters:
            masks[at] = self._facets.universe[at]
        return tuple(masks)

    def _arms_of(self, lead: Lead) -> Box:
        source = lead.source
        if not lead.is_bound_to_arm or not isinstance(source, Declared) or source.arm is None:
            return self._every
        arms = list(self._every)
        names = list(self._splits)
        number = backends_of(source.arm).index(source.backend)
        arms[names.index(source.arm.name)] = 1 << number
        return tuple(arms)

    def _declared(self, lead: Lead, source: Declared, box: Box) -> Box | None:
        """The backend looks at the query that the rule leaves it."""
        wanted = self._facets.declared_box(source.redirect)
        if wanted is None:
            return None
        keep = lead.rule.modifiers.query.keep
        masks = [mine & its for mine, its in zip(box, wanted, strict=True)]
        if _shares_queries(lead):  # the answer may be one that another query got
            for at, _ in self._parameters:
                masks[at] = box[at]
            return tuple(masks) if all(masks) else None
        for at, name in self._parameters:
            if keep is not None and name not in keep:
                absent = self._facets.texts[Parameter(name)].mask_of(None)
                masks[at] = box[at] if wanted[at] & absent else 0
        return tuple(masks) if all(masks) else None

    def _from_memory(self, lead: Lead, box: Box) -> Box:
        """Whoever asks when and from where, the memory gives it; an earlier ruleset's also out of caches that others
        filled.
        """
        masks = list(box)
        opened = [Dimension.MOMENT.value, Dimension.CLIENT.value]
        opened += self._open_heads if lead.age else self._credentials
        for at in opened:
            masks[at] = self._facets.universe[at]
        return tuple(masks)

    def _verbs_after(self, status: int, mask: int) -> int:
        key = (status, mask)
        found = self._next_verbs.get(key)
        if found is None:
            found = 0
            for verb, at in self._verbs.items():
                if mask >> at & 1:
                    for method in methods_after(status, verb.method):
                        found |= 1 << self._verbs[Verb(method, verb.call if method == verb.method else None)]
            self._next_verbs[key] = found
        return found

    def _write_query(self, lead: Lead, query: Query, masks: list[int]) -> None:
        if not self._parameters:
            return
        text = query if isinstance(query, str) else "".join(p if isinstance(p, str) else _CAPTURE for p in query or ())
        written = parameters(text)
        is_rule = not isinstance(lead.source, Fixed | Declared) and lead.fixed is None
        policy = lead.rule.modifiers.query if is_rule else None
        open_names = any(_CAPTURE in name for name in written)
        for at, name in self._parameters:
            texts, every = self._facets.texts[Parameter(name)], self._facets.universe[at]
            kept = masks[at] if policy is not None and _keeps(policy.keep, name) else texts.mask_of(None)
            if open_names:
                masks[at] = every
            elif name not in written:
                masks[at] = kept
            elif _CAPTURE in written[name]:
                masks[at] = every & ~texts.mask_of(None) or every
            else:
                masks[at] = texts.mask_of(written[name])


def _shares_queries(lead: Lead) -> bool:
    cache = lead.rule.modifiers.cache
    return cache is not None and cache.key is not None and KeyPart.QUERY not in cache.key


def _keeps(keep: frozenset[str] | None, name: str) -> bool:
    return keep is None or name in keep
