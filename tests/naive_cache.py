"""A reference model of a shared cache, slow and simple: the list of all past answers, with their times.

It keeps nothing and serves nothing. It says of an answer that a cache gave without asking whether any of the past ones
allows that: RFC 9111 §3 (may it be kept?), §4.1 (is it for this request?), §4.2 (is it fresh, or may it be stale?), §4.4
(was it ended?). Law: it shares no code with `edgeproxy`, but for the reading of dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cache_cases.cases import Asked, OriginAnswer, Seen, Step

from edgeproxy.http.dates import parse_http_date

DAY = 86_400.0
_FOR_EVER = 1e12
_OPEN = 1e-6  # to its end a client's max-stale counts, where a lifetime is over at its end
OF_THE_REQUEST = (400, 401, 407, 408, 411, 412, 413, 416, 417, 421, 425, 428, 429, 431, 511)


@dataclass(frozen=True)
class Policy:
    """A rule's cache block, as far as the model knows it. Times in seconds."""

    fresh: float | None = None
    negative: float | None = None
    stale_while_revalidate: float | None = None
    stale_if_error: float | None = None
    heed_clients: bool = False

    @property
    def block(self) -> dict[str, str | bool]:
        """As a rule file has it."""
        times = {name: value for name, value in vars(self).items() if name != "heed_clients" and value is not None}
        return {name: f"{value:g}s" for name, value in times.items()} | {"heed_clients": self.heed_clients}


@dataclass(frozen=True)
class Record:
    """One past answer. `name` is what tells its content from all others."""

    name: str
    target: str
    asked_with: Mapping[str, str]
    status: int
    values: Mapping[str, str]
    requested: float
    received: float

    # -- RFC 9111 §3 ------------------------------------------------------------------------------------------------

    @property
    def directives(self) -> dict[str, str | None]:
        return _directives(self.values.get("cache-control", ""))

    @property
    def vary(self) -> list[str]:
        return [name.strip().lower() for name in self.values.get("vary", "").split(",") if name.strip()]

    def may_be_kept(self) -> str | None:
        """None: yes. Else why not."""
        said = self.directives
        if "no-store" in said or "no-store" in _directives(self.asked_with.get("cache-control", "")):
            return "no-store"
        if "private" in said or "set-cookie" in self.values:
            return "private, or it sets a cookie"
        if self.status in (206, 304, *OF_THE_REQUEST) or "*" in self.vary:
            return "its status, or Vary: *"
        if "public" in said or "must-revalidate" in said or "s-maxage" in said:
            return None
        if "authorization" in self.asked_with:
            return "its request had credentials"
        if "cookie" in self.asked_with and "cookie" not in self.vary:
            return "its request had a cookie"
        return None

    # -- RFC 9111 §4.1 ----------------------------------------------------------------------------------------------

    def is_for(self, target: str, values: Mapping[str, str]) -> bool:
        return self.target == target and all(
            _plain(self.asked_with.get(name)) == _plain(values.get(name)) for name in self.vary
        )

    # -- RFC 9111 §4.2 ----------------------------------------------------------------------------------------------

    @property
    def first_age(self) -> float:
        """§4.2.3."""
        date = self._date("date")
        apparent = 0.0 if date is None else max(0.0, self.received - date)
        return max(apparent, float(self.values.get("age", "0")) + self.received - self.requested)

    def age(self, now: float) -> float:
        return max(0.0, self.first_age + now - self.received)

    def override(self, policy: Policy) -> float | None:
        if self.status in (200, 203, 204):
            return policy.fresh
        return policy.negative if self.status in (301, 302, 303, 307, 308, 404, 405, 410, 414, 501) else None

    def lifetime(self, policy: Policy) -> float:
        by_rule, said = self.override(policy), self.directives
        if by_rule is not None:
            return self.first_age + by_rule
        for name in ("s-maxage", "max-age"):
            if name in said:
                return float(said[name] or 0)
        sent = self._date("date") or self.received
        if "expires" in self.values:
            return max(0.0, (self._date("expires") or 0) - sent)
        changed = self._date("last-modified")
        if changed is None or "?" in self.target or self.status not in (200, 203, 204, 300, 301, 308, 404, 405, 410):
            return 0.0
        return min(DAY, max(0.0, sent - changed) * 0.1)

    def must_revalidate(self, policy: Policy) -> bool:
        """§5.2.2.2, §5.2.2.8; §5.2.2.10 but where the rule overrides it."""
        said = self.directives
        is_shared = "s-maxage" in said and self.override(policy) is None
        return is_shared or "must-revalidate" in said or "proxy-revalidate" in said

    def may_be_stale(self, wishes: Mapping[str, str | None], policy: Policy, *, has_failed: bool) -> float:
        """For how many seconds beyond its lifetime (RFC 5861, RFC 9111 §5.2.1.2)."""
        if self.must_revalidate(policy):
            return 0.0
        by_rule = (policy.stale_while_revalidate, policy.stale_if_error)
        grace, in_need = (
            float(self.directives.get(name) or 0) if rule is None else rule
            for name, rule in zip(("stale-while-revalidate", "stale-if-error"), by_rule, strict=True)
        )
        wish = wishes.get("max-stale", "0")
        return max(grace, in_need if has_failed else 0.0, _FOR_EVER if wish is None else float(wish) + _OPEN)

    def why_not_given(self, asks: Mapping[str, str], now: float, policy: Policy, *, has_failed: bool) -> str | None:
        """None: it may be given now to a request with these fields that it is for."""
        wishes = _directives(asks.get("cache-control", "")) if policy.heed_clients else {}
        if "no-cache" in self.directives:
            return "it is to be asked for each time"
        if "no-cache" in wishes:
            return "the client wants it asked for"
        age, lifetime = self.age(now), self.lifetime(policy)
        stale = self.may_be_stale(wishes, policy, has_failed=has_failed)
        if age >= lifetime + stale:
            return f"it is {age:g} seconds old, fresh for {lifetime:g} and then to be had for {stale:g}"
        is_too_old = "max-age" in wishes and age > float(wishes["max-age"] or 0)
        if is_too_old and not has_failed and "immutable" not in self.directives:
            return "it is older than the client wants"
        return None

    def _date(self, name: str) -> float | None:
        return parse_http_date(self.values.get(name, ""))


@dataclass
class NaiveCache:
    """What happened so far."""

    policy: Policy
    records: list[Record] = field(default_factory=list)
    failures: list[tuple[str, float]] = field(default_factory=list)  # of which target, and when

    def why_not(self, step: Step, seen: Seen) -> str | None:
        """What is wrong about an answer that was given, before it is noted; None: nothing."""
        name = next(iter(seen.values("X-Number")), None)
        if name is None or any(asked.answer is not None and _name(asked.answer) == name for asked in seen.asked):
            return None  # the edge's own, or what the origin said just now
        if step.method not in ("GET", "HEAD"):
            return "a copy was given to a request that is no read"
        fits = [each for each in self._validated(step, seen) if each.name == name]
        if fits:
            return None
        asks = _values(step.lines)
        found = [each for each in self.records if each.name == name]
        whys = [self._why_not(each, step, asks, seen) for each in found] or ["nobody ever gave it"]
        return None if None in whys else f"{name} was given: {'; '.join(str(why) for why in whys)}"

    def must_be_given(self, step: Step) -> bool:
        """Whether every kept answer for the request is fresh: then the origin is not to be asked."""
        asks = _values(step.lines)
        kept = [each for each in self.records if each.may_be_kept() is None and each.is_for(step.target, asks)]
        return bool(kept) and all(
            "no-cache" not in each.directives and each.age(step.now) < each.lifetime(self.policy) for each in kept
        )

    def note(self, step: Step, seen: Seen) -> None:
        """Remember what the origin said, and what a write ended."""
        self.records += self._validated(step, seen)
        for asked in seen.asked:
            if asked.answer is None or asked.answer.status >= 500:
                self.failures.append((step.target, step.now))
            if asked.answer is not None and asked.answer.status != 304 and step.method == "GET":
                self.records.append(_record(step, asked, asked.answer))
            if asked.answer is not None and step.method == "POST" and 200 <= asked.answer.status < 400:
                path = step.target.partition("?")[0]
                self.records = [each for each in self.records if each.target.partition("?")[0] != path]

    def _why_not(self, record: Record, step: Step, asks: Mapping[str, str], seen: Seen) -> str | None:
        if not record.is_for(step.target, asks):
            return "it is another's answer"
        has_failed = any(target == step.target and step.now - at <= 1 for target, at in self.failures) or any(
            asked.answer is None or asked.answer.status >= 500 for asked in seen.asked
        )
        return record.may_be_kept() or record.why_not_given(asks, step.now, self.policy, has_failed=has_failed)

    def _validated(self, step: Step, seen: Seen) -> list[Record]:
        """The answers that the origin has just said to be right, with what its 304 says."""
        found: list[Record] = []
        for asked in seen.asked:
            if asked.answer is None or asked.answer.status != 304:
                continue
            tag = _values(asked.head.decode().split("\r\n")[1:]).get("if-none-match")
            news = _record(step, asked, asked.answer)
            for each in self.records if news.values.get("etag") == tag else ():  # §4.3.4
                if tag is not None and each.values.get("etag") == tag:
                    values = {name: value for name, value in each.values.items() if name not in ("age", "date")}
                    found.append(
                        replace(
                            each,
                            asked_with=news.asked_with,
                            values=values | dict(news.values),
                            requested=news.requested,
                            received=news.received,
                        )
                    )
        return found


def _record(step: Step, asked: Asked, answer: OriginAnswer) -> Record:
    values = _values(answer.head().decode().split("\r\n")[1:])
    asked_with = _values(asked.head.decode().split("\r\n")[1:]) | {
        name: value for name, value in _values(step.lines).items() if name == "cache-control"
    }
    return Record(
        name=_name(answer) or "",
        target=step.target,
        asked_with=asked_with,
        status=answer.status,
        values=values,
        requested=step.now,
        received=step.now + answer.after,
    )


def _name(answer: OriginAnswer) -> str | None:
    return _values(answer.lines).get("x-number")


def _values(lines: tuple[str, ...] | list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.strip() for name, _, value in pairs}


def _directives(field: str) -> dict[str, str | None]:
    pairs = (member.strip().lower().partition("=") for member in field.split(",") if member.strip())
    return {name: value or None for name, _, value in pairs}


def _plain(value: str | None) -> str | None:
    """Spellings that no server can tell apart are one."""
    return None if value is None else value.replace(" ", "").lower()
