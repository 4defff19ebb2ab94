"""An exchange that answers from a directory, under a rule that keeps answers.

Laws of this module:
- the edge is the origin: how long an answer is fresh, its rule says, to the edge and to clients alike; where it says
  nothing, the file is looked at for each request;
- what may not be given without asking is asked of the file: one whose entity-tag is the copy's has not changed, and is
  not read. Nothing that a request says makes its file another, but the wish that it be not kept;
- small files are kept in memory, larger ones stay where they are: the directory is a disk, and sendfile needs no copy;
- a file that its rule verifies, and that has another digest, is given to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

from edgeproxy.caching import cache_status, reuse, storing
from edgeproxy.caching.keeping import copy_of
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.reuse import Use
from edgeproxy.caching.stored import DIGEST_OCTETS, Stored
from edgeproxy.caching.storing import Keep
from edgeproxy.http.dates import http_date
from edgeproxy.http.etags import EntityTag
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.copy_answer import Client
from edgeproxy.proxy.cache.file_reader import Loaded
from edgeproxy.proxy.cache.giving import Known, end_lines, give, hand_over, head_of_file
from edgeproxy.proxy.cache.memory import Copy
from edgeproxy.proxy.files import OpenFile
from edgeproxy.proxy.plan import Answer, ServeFile, edited, say
from edgeproxy.proxy.serving import UNREADABLE_NOW, FileExchange, open_for
from edgeproxy.ruleset.modifiers import Cache

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.cache_plan import CachePlan
    from edgeproxy.proxy.cache.keeper import Keeper

_WRONG: Final = say(502, "The file is not what its path asks for.")
_OK: Final = 200
_BROKEN: Final = 500  # from here on an answer is the directory's failure
_NOTHING: Final[Mapping[str, str]] = {}  # that a file's answer depends on


class CachedFile(FileExchange):
    """One request for a file."""

    __slots__ = ("_cache", "_is_gone", "_keeper", "_key", "_since", "_stale")

    _client: Client

    def __init__(
        self, client: Client, keeper: Keeper, plan: ServeFile, cache: CachePlan, fields: RequestFields
    ) -> None:
        super().__init__(client, plan, fields)
        self._keeper = keeper
        self._cache = cache
        self._key = cache.key(fields.values, None)
        self._since = keeper.purges.seq
        self._stale: Copy | None = None  # a copy that may not be given before the file was looked at
        self._is_gone = False

    def start(self) -> None:
        cache, keeper = self._cache, self._keeper
        copy = keeper.find_in_memory(self._key, self._values, cache.policy) if cache.is_read else None
        if copy is not None and self._is_fresh(copy):
            self._give(copy, Outcome.HIT)
            return
        self._stale = copy
        found = open_for(self._plan)
        if isinstance(found, Answer):
            self._answer_without(found)
        elif copy is not None and _is_of(copy, found.representation.etag):
            self._give(self._renewed(copy, found), Outcome.REVALIDATED)
        elif found.size > keeper.files.small:
            keeper.files.check(found, cache.verify, lambda is_right: self._on_checked(found, is_right))
        else:
            keeper.files.load(self._key, found, cache.verify, lambda loaded: self._on_loaded(found, loaded))

    def on_client_gone(self) -> None:
        self._is_gone = True
        super().on_client_gone()

    # -- from the file ------------------------------------------------------------------------------------------

    def _on_checked(self, file: OpenFile, is_right: bool | OSError) -> None:
        """A large one, that goes out as it lies there."""
        if is_right is not True:
            file.close()
            self._fail(file, is_right)
        elif self._is_gone:
            file.close()
        else:
            self._forget()  # it may have been small before
            self._send(file)

    def _send(self, file: OpenFile) -> None:
        client, now = self._client, self._keeper.now()
        client.note_outcome(self._plan.rule, Outcome.HIT)
        stored = self._stored(_OK, self._lines(file), file.size, b"")
        keep_alive = client.may_keep_alive()
        end = end_lines(keep_alive, client.minor)
        status, head, parts = head_of_file(self._plan, self._values, stored, now, Outcome.HIT, end)
        self._begin(status, file, head, parts, keep_alive)

    def _on_loaded(self, file: OpenFile, loaded: Loaded | OSError) -> None:
        """A small one. It is kept though the client left meanwhile."""
        if isinstance(loaded, OSError) or not loaded.is_right:
            self._fail(file, loaded if isinstance(loaded, OSError) else False)
            return
        etag = file.representation.etag
        other = self._keeper.find_in_memory(self._key, self._values, self._cache.policy)
        if other is not None and other is not self._stale and _is_of(other, etag) and other.stored.purged is None:
            self._give(other, Outcome.COLLAPSED)  # somebody waited for the same octets, and was told first
            return
        stored = self._stored(_OK, self._lines(file), file.size, loaded.digest)
        self._keep(stored, loaded.content, None if loaded.is_settled else NotStored.CHANGING)

    def _fail(self, file: OpenFile, why: OSError | Literal[False]) -> None:
        """It cannot be read, or is wrong."""
        if isinstance(why, OSError):
            self._answer_without(UNREADABLE_NOW)
            return
        path = f"{self._plan.directory}{self._plan.path}"
        self._keeper.files.tell_wrong(self._plan.rule, path, self._cache.verify, file.representation.etag)
        self._keeper.count_not_stored(NotStored.DIGEST)
        if not (self._stand_in() or self._falls_back(_WRONG.status)):
            self._answer(_WRONG, Outcome.UNCACHEABLE, NotStored.DIGEST)

    def _answer_without(self, answer: Answer) -> None:
        """There is no file that can be given."""
        if not self._cache.is_read:
            self._answer(edited(answer, self._plan.answer_edit), Outcome.BYPASS, NotStored.METHOD)
            return
        if answer.status >= _BROKEN:
            if not (self._stand_in() or self._falls_back(answer.status)):
                self._answer(edited(answer, self._plan.answer_edit), Outcome.UNCACHEABLE, None)
            return
        if self._falls_back(answer.status):
            self._forget()
            return
        lines = answer.head.partition(b"\r\n")[2] + b"\r\n"
        keep = self._judge(answer.status, lines)
        if isinstance(keep, Keep):
            digest = blake2b(answer.body, digest_size=DIGEST_OCTETS).digest()
            self._keep(self._stored(answer.status, lines, len(answer.body), digest), answer.body, None)
            return
        self._forget()
        self._keeper.count_not_stored(keep)
        self._answer(edited(answer, self._plan.answer_edit), Outcome.UNCACHEABLE, keep)

    # -- keeping ------------------------------------------------------------------------------------------------

    def _judge(self, status: int, lines: bytes) -> Keep | NotStored:
        """Without a lifetime by its rule an answer has none: a guess by its Last-Modified would be for an edge that
        cannot look at the file.
        """
        policy, now = self._cache.policy, self._keeper.now()
        if policy.fresh is None:
            policy = replace(policy, fresh=0.0)
        return storing.judge("GET", _NOTHING, status, lines, policy, now, now, body_is_in_key=False)

    def _stored(self, status: int, lines: bytes, size: int, digest: bytes) -> Stored:
        keep, cache = self._judge(status, lines), self._cache
        assert isinstance(keep, Keep), "a file has a validator, and whatever else is kept was judged before"
        stored = copy_of(status, lines, keep, _NOTHING, cache.policy, cache.tags, self._keeper.now())
        return replace(stored, size=size, digest=digest)

    def _keep(self, stored: Stored, content: bytes, why_not: NotStored | None) -> None:
        """Give what came new, and keep it if it may be."""
        if reuse.asks_not_to_store(self._values):
            why_not = NotStored.NO_STORE
        kept = why_not or self._keeper.keep_here(self._key, stored, content, self._since)
        if isinstance(kept, Copy):
            self._give(kept, Outcome.MISS)
        else:
            self._forget()
            self._keeper.count_not_stored(kept)
            self._give_unkept(Copy(self._key, stored, content), kept)

    def _renewed(self, copy: Copy, file: OpenFile) -> Copy:
        """The copy of a file that has not changed, from now on as fresh as when it was read. One that is never fresh
        stays as it is, and so do the codings that were made of it.
        """
        file.close()
        its = copy.stored
        if its.purged is None and not its.terms.fresh:
            return copy
        stored = self._stored(_OK, self._lines(file), its.size, its.digest)
        if self._keeper.fetches.is_purged(self._key, stored.tags, self._since):
            return copy
        return self._keeper.memory.replace(copy, stored)

    def _forget(self) -> None:
        """What was kept before is out of date."""
        if self._stale is not None:
            self._keeper.memory.remove(self._stale)

    def _lines(self, file: OpenFile) -> bytes:
        """The field lines of a file's answer."""
        its, policy = file.representation, self._cache.policy
        lines = [b"Server: edgeproxy", f"Content-Type: {its.content_type}".encode("latin-1")]
        if its.etag is not None:
            lines.append(f"ETag: {its.etag}".encode("latin-1"))
        if its.last_modified is not None:
            modified = min(its.last_modified, int(self._keeper.now()))  # RFC 9110 §8.8.2.1: never later than Date
            lines.append(f"Last-Modified: {http_date(modified)}".encode())
        if policy.fresh is not None:
            lines.append(b"Cache-Control: " + cache_control(policy, policy.fresh))
        return b"\r\n".join([*lines, b""])

    # -- giving -------------------------------------------------------------------------------------------------

    def _is_fresh(self, copy: Copy) -> bool:
        its = copy.stored
        if reuse.is_for_the_backend(self._values):
            return False  # that is this edge; but a copy is none (RFC 9111 §4.3.2)
        now = self._keeper.now()
        return reuse.decide(self._values, its.terms, its.purged, now, self._cache.policy) is Use.FRESH

    def _stand_in(self) -> bool:
        stale, now = self._stale, self._keeper.now()
        if stale is None:
            return False
        its = stale.stored
        if not reuse.may_stand_in(self._values, its.terms, its.purged, now, self._cache.policy):
            return False
        self._give(stale, Outcome.STALE_IF_ERROR)
        return True

    def _falls_back(self, status: int) -> bool:
        return not self._is_gone and super()._falls_back(status)

    def _give(self, copy: Copy, outcome: Outcome) -> None:
        coding = self._keeper.coding_for(copy, self._cache.policy, self._values)
        if coding is None:
            self._give_as_is(copy, outcome)
        else:
            self._keeper.code(copy, coding, lambda coded: self._give_as_is(coded, outcome))

    def _give_as_is(self, copy: Copy, outcome: Outcome) -> None:
        if not self._is_gone:
            self._client.note_outcome(self._plan.rule, outcome)
            now = self._keeper.now()
            give(self._client, Known(copy, self._plan, self._values, now), now, outcome)

    def _give_unkept(self, copy: Copy, why: NotStored) -> None:
        if self._is_gone:
            return
        client = self._client
        client.note_outcome(self._plan.rule, Outcome.UNCACHEABLE)
        known = Known(copy, self._plan, self._values, self._keeper.now())
        keep_alive = client.may_keep_alive()
        status, end = cache_status.line(Outcome.UNCACHEABLE, not_stored=why), end_lines(keep_alive, client.minor)
        hand_over(client, known, b"%b%b%b\r\n%b" % (known.head, status, end, known.content), keep_alive)

    def _answer(self, answer: Answer, outcome: Outcome, why: NotStored | None) -> None:
        if self._is_gone:
            return
        self._client.note_outcome(self._plan.rule, outcome)
        status = cache_status.line(outcome, not_stored=why).removesuffix(b"\r\n")
        self._client.answer(replace(answer, head=answer.head + b"\r\n" + status))


def cache_control(policy: Cache, fresh: float) -> bytes:
    """What clients, and caches before them, are told (RFC 9111 §5.2.2, RFC 8246)."""
    return b"public, max-age=%d%b" % (int(fresh), b", immutable" if policy.immutable else b"")


def _is_of(copy: Copy, etag: EntityTag | None) -> bool:
    """Whether it was read from the file as it is."""
    return copy.stored.status == _OK and copy.stored.etag == etag
