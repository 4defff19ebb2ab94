"""What happens in a run, as data: who asks for what, what the origin says when, what is purged, who leaves.

A step names clients, and what the origin was asked and has not answered yet, by numbers that wrap around: whatever is
taken away from a program, what is left is one, too, and gets smaller as hypothesis wants it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from naive_cache import Policy

TARGETS = ("/a", "/a?x=1", "/b")
TAGS = ("red", "blue")
CLIENTS = 5


@dataclass(frozen=True)
class Rule:
    """The cache block that all requests are under."""

    policy: Policy = field(default_factory=Policy)
    tells_types_apart: bool = False  # `accept: [json, html]`
    compresses: bool = False  # `compress: [gzip]`

    @property
    def block(self) -> str:
        parts = [f"{name}: {str(value).lower()}" for name, value in self.policy.block.items()]
        parts += ["accept: [json, html]"] if self.tells_types_apart else []
        parts += ["compress: [gzip]"] if self.compresses else []
        return f"{{{', '.join(parts)}}}"


@dataclass(frozen=True)
class Request:
    """`names`: it has an If-None-Match with that one of the tags that its target had so far."""

    target: str
    method: str = "GET"
    lines: tuple[str, ...] = ()
    names: int | None = None


@dataclass(frozen=True)
class Says:
    """What the origin says of an answer, but for its name, which its number gives."""

    cache_control: tuple[str, ...] = ("max-age=30",)
    vary: str | None = None
    status: int = 200
    has_tag: bool = True
    sets_cookie: bool = False
    key: str | None = None  # its Surrogate-Key
    is_chunked: bool = False
    is_large: bool = False  # more than the memory takes


@dataclass(frozen=True)
class Ask:
    """Several requests are one write: who has answers to come pipelines them."""

    client: int
    requests: tuple[Request, ...]


@dataclass(frozen=True)
class Leave:
    client: int


@dataclass(frozen=True)
class Begin:
    """The origin sends an answer's head, and a tenth of its content; of a large one all but a tenth."""

    which: int
    says: Says


@dataclass(frozen=True)
class Whole:
    """It sends all of an answer that has not begun."""

    which: int
    says: Says


@dataclass(frozen=True)
class Unchanged:
    """It says so, if it was asked by a tag; `is_mistaken`: of another tag."""

    which: int
    cache_control: tuple[str, ...]
    is_mistaken: bool = False


@dataclass(frozen=True)
class More:
    """It sends another third of what is left; `is_end`: all of it."""

    which: int
    is_end: bool


@dataclass(frozen=True)
class Fail:
    """It ends the connection, in order or not, before an answer or within."""

    which: int
    resets: bool


@dataclass(frozen=True)
class Later:
    seconds: float


@dataclass(frozen=True)
class Purges:
    """By a target, by a tag, or of all."""

    target: str | None
    tag: str | None
    is_hard: bool


Deed = Ask | Leave | Begin | Whole | Unchanged | More | Fail | Later | Purges


@dataclass(frozen=True)
class Step:
    """`is_raced`: the next one happens before anybody has noticed this one."""

    deed: Deed
    is_raced: bool = False


@dataclass(frozen=True)
class Program:
    rule: Rule
    steps: tuple[Step, ...]

    def __repr__(self) -> str:
        steps = "".join(f"\n  {step.deed}{' (raced)' if step.is_raced else ''}" for step in self.steps)
        return f"{self.rule}{steps}"


# -- drawn ----------------------------------------------------------------------------------------------------------

_SECONDS = st.one_of(st.none(), st.none(), st.sampled_from((5, 30)))
POLICIES = st.builds(
    Policy,
    fresh=st.sampled_from((None, None, None, 30)),
    negative=st.none(),
    stale_while_revalidate=_SECONDS,
    stale_if_error=_SECONDS,
    heed_clients=st.booleans(),
)
RULES = st.one_of(
    st.builds(Rule, POLICIES),
    st.builds(Rule, POLICIES),
    st.builds(Rule, POLICIES, tells_types_apart=st.just(True)),
    st.builds(Rule, POLICIES, compresses=st.just(True)),
)

_VALUES = {
    "X-A": ("1", "2"),
    "Authorization": ("Basic YTpi", "Basic Yzpk"),
    "Cookie": ("s=1", "s=2"),
    "Accept": ("application/vnd.pypi.simple.v1+json", "text/html"),
    "Accept-Encoding": ("gzip", "br, gzip", "br"),
    "Range": ("bytes=0-9", "bytes=200-", "bytes=-20"),
    "Cache-Control": ("no-cache", "no-store", "max-age=0", "only-if-cached", "max-stale=10"),
}


@st.composite
def _lines(draw: st.DrawFn) -> tuple[str, ...]:
    """Mostly few, of which many are the same: what overlaps is to be alike, too."""
    names = draw(st.lists(st.sampled_from(("X-A", *_VALUES)), max_size=2, unique=True))
    return tuple(f"{name}: {draw(st.sampled_from(_VALUES[name]))}" for name in names)


REQUESTS = st.builds(
    Request,
    target=st.sampled_from(("/a", "/a", "/a", *TARGETS)),
    method=st.sampled_from(("GET",) * 10 + ("HEAD", "POST")),
    lines=st.one_of(st.just(()), _lines()),
    names=st.one_of(st.none(), st.none(), st.none(), st.integers(0, 3)),
)

# Mostly what lets an answer be kept: what forbids it ends the matter.
_CONTROLS = st.sampled_from(
    [
        *[("max-age=30",)] * 4,
        *[("max-age=5",)] * 4,
        *[("max-age=5", "stale-while-revalidate=30")] * 2,
        *[("max-age=5", "stale-if-error=30")] * 2,
        ("max-age=5", "must-revalidate"),
        ("max-age=0",),
        ("no-cache",),
        ("public", "max-age=30"),
        ("s-maxage=30",),
        ("no-store",),
        ("private", "max-age=30"),
        (),
    ]
)
SAYS = st.builds(
    Says,
    cache_control=_CONTROLS,
    vary=st.sampled_from([None] * 5 + ["X-A"] * 3 + ["Cookie", "Accept-Encoding", "X-A, Cookie", "*"]),
    status=st.sampled_from((200,) * 10 + (404, 500)),
    has_tag=st.sampled_from((True, True, False)),
    sets_cookie=st.sampled_from((False,) * 9 + (True,)),
    key=st.sampled_from((None, None, *TAGS)),
    is_chunked=st.booleans(),
    is_large=st.sampled_from((False,) * 9 + (True,)),
)

_CLIENT = st.integers(0, CLIENTS - 1)
_WHICH = st.sampled_from((0, 0, 1, 2))
_DEEDS: dict[
    str, tuple[int, st.SearchStrategy[Deed]]
] = {  # by weight; first what often does nothing: programs shrink to it
    "go on": (4, st.builds(More, _WHICH, st.booleans())),
    "ask": (14, st.builds(Ask, _CLIENT, REQUESTS.map(lambda one: (one,)))),
    "ask for several": (2, st.builds(Ask, _CLIENT, st.lists(REQUESTS, min_size=2, max_size=3).map(tuple))),
    "begin": (4, st.builds(Begin, _WHICH, SAYS)),
    "answer": (4, st.builds(Whole, _WHICH, SAYS)),
    "say that nothing changed": (
        4,
        st.builds(
            Unchanged,
            _WHICH,
            st.one_of(st.just(("max-age=30",)), _CONTROLS),
            st.sampled_from((False, False, False, True)),
        ),
    ),
    "fail": (2, st.builds(Fail, _WHICH, st.booleans())),
    "leave": (1, st.builds(Leave, _CLIENT)),
    "later": (4, st.builds(Later, st.sampled_from((1, 6, 6, 6, 31)))),
    "purge a target": (1, st.builds(Purges, st.sampled_from(TARGETS), st.none(), st.booleans())),
    "purge by tag": (1, st.builds(Purges, st.none(), st.sampled_from((None, *TAGS)), st.booleans())),
}
_KINDS = [kind for kind, (weight, _) in _DEEDS.items() for _ in range(weight)]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """By weight: `one_of` would give each of its branches' branches the same."""
    return Step(draw(_DEEDS[draw(st.sampled_from(_KINDS))][1]), draw(st.sampled_from((False, False, False, True))))


def _with_a_copy(request: Request, says: Says, seconds: float, others: list[Request]) -> tuple[Step, ...]:
    """There is more to get wrong when there is a copy, and several ask for it once it is stale."""
    asks = tuple(Step(Ask(client, (each,))) for client, each in enumerate(others, 1))
    return (Step(Ask(0, (request,))), Step(Whole(0, says)), Step(Later(seconds)), *asks)


_OF_ONE = st.builds(Request, st.just("/a"), lines=st.one_of(st.just(()), _lines()))
_TAGGED = st.builds(replace, SAYS, status=st.just(200), has_tag=st.just(True), sets_cookie=st.just(False))
_BEFORE = st.one_of(
    st.just(()),
    st.builds(_with_a_copy, _OF_ONE, _TAGGED, st.sampled_from((1, 6, 6)), st.lists(_OF_ONE, max_size=3)),
)


def _with_one_that_comes(
    request: Request, says: Says, others: list[Request], purges: Purges | None, more: list[Request]
) -> tuple[Step, ...]:
    """Clients of both workers ask for what one of them fetches, and lets the other one read."""
    asks, again = (tuple(Step(Ask(client, (each,))) for client, each in enumerate(them, 1)) for them in (others, more))
    between = () if purges is None else (Step(purges),)
    return (Step(Ask(0, (request,))), Step(Begin(0, replace(says, is_large=True))), *asks, *between, *again)


_COMING = st.builds(
    _with_one_that_comes,
    _OF_ONE,
    _TAGGED,
    st.lists(_OF_ONE, min_size=1, max_size=3),
    st.sampled_from((None, Purges("/a", None, True), Purges("/a", None, False))),
    st.lists(_OF_ONE, min_size=1, max_size=3),
)
_AFTER = st.lists(steps(), min_size=12, max_size=40).map(tuple)
PROGRAMS = st.builds(lambda rule, before, after: Program(rule, before + after), RULES, _BEFORE, _AFTER)
PROGRAMS_OF_TWO = st.builds(lambda rule, before, after: Program(rule, before + after), RULES, _COMING, _AFTER)
