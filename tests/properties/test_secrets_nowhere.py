"""A secret that a client says somewhere is in nothing that is written: no capture, access log, model or replay report."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import quote

import pytest
from captures import SECRETS, found_in
from hypothesis import event, given, settings
from hypothesis import strategies as st

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.connections import Connection
from edgeproxy.capture.record import Captured
from edgeproxy.capture.requests import request_words
from edgeproxy.capture.rows import RowMaker, RuleTold
from edgeproxy.capture.scanning import known_in, secrets_of, spellings_of
from edgeproxy.http.request import read_request_fields, read_request_line
from edgeproxy.http.target import Scheme
from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.differences import StatusChanged
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.families import family_of
from edgeproxy.migration.comparing.grouping import Key
from edgeproxy.migration.comparing.targets import kept_name, kept_target
from edgeproxy.proxy.recording import record_request
from edgeproxy.ruleset.modifiers import Safety
from edgeproxy.telemetry.access_log import AccessLog
from replay.model.files import written
from replay.model.fitting import CannotFit, fit
from replay.planned import Planned
from replay.report.as_json import as_json
from replay.report.facts import Comparison, Read, Report, Side
from replay.report.page import as_page
from replay.report.text import as_text
from replay.schedule.choosing import Refused, as_recorded, choose
from replay.schedule.rewriting import Rewriting
from replay.sending.outcome import Outcome

pytestmark = pytest.mark.timeout(300)
BEGAN: Final = 1_523_890_800.0
# Those that are known for what they are wherever they stand, and those that stand where secrets do.
LOOKS: Final = tuple(each for each in SECRETS if each != "hunter2-and-more" and not each.endswith("=="))
ANY: Final = (*SECRETS, "correcthorsebattery", "hunter2-and-more", "Tr0ub4dor_3", "zqxvkjwpw")
NAMES: Final = st.sampled_from(
    (
        *(
            "token",
            "access_token",
            "api_key",
            "sig",
            "password",
            "X-Amz-Signature",
            "session",
            "pw",
            "passcode",
            "p",
            "pwd",
        ),
        *("user[password]", "clientSecret", "db.pass", "otp", "auth", "PassKey", "csrf-token", "userPw", "code", "sid"),
    )
)
WORDS: Final = st.from_regex(r"[a-z]{0,6}", fullmatch=True)
BEHIND: Final = st.sampled_from(
    (
        *(
            "reset",
            "reset-password",
            "password-reset-confirm",
            "activate",
            "recover",
            "confirm",
            "verify-email",
            "token",
        ),
        *(
            "unsubscribe",
            "magic-link",
            "invitation",
            "forgot_password",
            "account.activation",
            "Reset",
            "api-key",
            "login",
        ),
    )
)
BETWEEN: Final = st.sampled_from(("/", "//", "/./", "/MQ/", "/a/b/", "/%2e/"))


@dataclass
class Said:
    """What a client sends."""

    secret: str
    target: str = "/simple/six/"
    host: str = "pypi.test"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def spelled(draw: st.DrawFn, text: str, least: int = 0, most: int = 3) -> str:
    """Some characters as escapes, and those escaped again."""
    mask = draw(st.sampled_from((0, 0, 0xFFFFFF, draw(st.integers(0, 0xFFFFFF)))))
    text = "".join(f"%{ord(each):02X}" if mask >> (at % 24) & 1 else quote(each) for at, each in enumerate(text))
    for _ in range(draw(st.integers(least, most))):
        text = quote(text, safe="")
    return text


def of_link(draw: st.DrawFn, secret: str) -> str:
    return f"/{draw(WORDS)}/{draw(BEHIND)}{draw(BETWEEN)}{secret}"


def of_user(draw: st.DrawFn, secret: str) -> str:
    before = draw(st.sampled_from(("https://", "http://", "//", "http:/", "")))
    return f"{before}{draw(st.sampled_from(('me', 'a.b', '__token__')))}:{secret}@h.test/x"


def nested(draw: st.DrawFn, said: str) -> str:
    """In the query of a URL in the query of a URL …"""
    for _ in range(draw(st.integers(0, 3))):
        said = f"{draw(st.sampled_from(('/a', 'https://h.test/a', '//h.test')))}?b={draw(WORDS)}&next={quote(said, safe='')}"
    return said


def in_query(draw: st.DrawFn, secret: str) -> Said:
    pair = f"{spelled(draw, draw(NAMES), 0, 1)}={spelled(draw, secret)}"
    said = draw(st.sampled_from((f"/a?{pair}", f"/a?b=c&{pair}", f"/a?b=c;{pair}", f"/a;{pair}")))
    return Said(secret, f"/{draw(WORDS)}?next={nested(draw, said)}" if draw(st.booleans()) else said)


def in_path(draw: st.DrawFn, secret: str) -> Said:
    said = of_link(draw, secret)
    if draw(st.booleans()):
        return Said(secret, f"/{draw(WORDS)}?next={nested(draw, quote(said))}")
    if draw(st.booleans()):
        return Said(secret, f"/{draw(BEHIND)}/?t={spelled(draw, secret)}")
    return Said(secret, draw(st.sampled_from((said, f"/{quote(said[1:], safe='')}", f"{said}/{draw(WORDS)}?b=c"))))


def by_looks(draw: st.DrawFn, secret: str) -> Said:
    secret = draw(st.sampled_from(LOOKS))
    text = spelled(draw, secret)
    return draw(
        st.sampled_from(
            (
                Said(secret, f"/{draw(WORDS)}/{text}/{draw(WORDS)}"),
                Said(secret, f"/a?q={text}"),
                Said(secret, f"/a?{text}=b"),
                Said(secret, f"/a?next={nested(draw, text)}"),
                Said(secret, headers={"user-agent": f"mine/1 ({secret})"}),
                Said(secret, headers={"user-agent": f"{secret}/1.0"}),
                Said(secret, headers={"accept-language": secret}),
                Said(secret, host=f"{secret}.pypi.test"),
                Said(secret, body=f'{{"q": "{secret}"}}'),
            )
        )
    )


def in_agent(draw: st.DrawFn, secret: str) -> Said:
    name = draw(st.sampled_from(("token", "password", "pw", "passcode", "api-key", "db-pass", "otp")))
    secret_ways = (
        f"mine/1 ({name}={secret})",
        f"mine/1 --{name} {secret}",
        f"mine/1 pass:{secret}; a",
        f"mine/1 pwd: {secret}",
        f"pip/24 Token {secret}",
        f"pip/24 Basic {b64encode(f'me:{secret}'.encode()).decode()}",
        f"mine/1 ({of_user(draw, secret)})",
        f"mine/1 (+https://h.test{of_link(draw, secret)})",
        f'pip/24 {{"cpu":"x86_64","{name}":"{secret}"}}',
        f"mine/1 {name}%3D{quote(secret)}",
    )
    return Said(secret, headers={"user-agent": draw(st.sampled_from(secret_ways))})


def by_user(draw: st.DrawFn, secret: str) -> Said:
    user = of_user(draw, secret)
    return draw(
        st.sampled_from(
            (
                Said(secret, f"http://me:{quote(secret)}@pypi.test/simple/"),
                Said(secret, host=f"me:{quote(secret)}@pypi.test"),
                Said(secret, headers={"referer": user}),
                Said(secret, headers={"referer": f"https://h.test/a?next={nested(draw, quote(user, safe=''))}"}),
                Said(secret, headers={"origin": user}),
                Said(secret, f"/a?next={user}"),
                Said(secret, f"/a?next={nested(draw, user)}"),
                Said(secret, f"/a?next={quote(quote(user, safe=''), safe='')}"),
                Said(secret, f"/a/{user}"),
                Said(secret, f"/{user}"),
            )
        )
    )


def in_credentials(draw: st.DrawFn, secret: str) -> Said:
    encoded = b64encode(f"me:{secret}".encode()).decode()
    lines = (
        ("authorization", f"Basic {encoded}"),
        ("authorization", f"Bearer {secret}"),
        ("authorization", f"Token {secret}"),
        ("proxy-authorization", secret),
        ("cookie", f"a=b; session={secret}"),
        ("cookie", secret),
        ("x-api-key", secret),
        ("x-auth-token", secret),
    )
    return Said(secret, headers=dict([draw(st.sampled_from(lines)), ("user-agent", "pip/24.0")]))


def in_body(draw: st.DrawFn, secret: str) -> Said:
    name = draw(st.sampled_from(("password", "pw", "token", "api_key", "passcode")))
    call = "<methodCall><methodName>{}</methodName><params>{}</params></methodCall>"
    param = "<param><value><string>{}</string></value></param>"
    method = draw(st.sampled_from(("login", "signIn", "log_in", "user.auth")))
    inner = f"<struct><member><name>methodName</name><value>{method}</value></member><member><name>params</name><value>{secret}"
    bodies = (
        call.format(method, param.format("me") + param.format(secret)),
        call.format("system.multicall", param.format(f"{inner}</value></member></struct>")),
        call.format(
            "search", f"<param><struct><member><name>{name}</name><value>{secret}</value></member></struct></param>"
        ),
        json.dumps({"name": name, "value": secret}),
        json.dumps([[name, secret]]),
        json.dumps({"a": {name: [secret]}}),
        f"user=me&{name}={quote(secret)}",
        f"{name}: {secret}",
        f"--x\r\nContent-Disposition: form-data; name*=utf-8''{name}\r\n\r\n{secret}\r\n--x--",
    )
    return Said(secret, "/pypi", body=draw(st.sampled_from(bodies)))


PLACES: Final = (in_query, in_query, in_path, by_looks, in_agent, by_user, in_credentials, in_body)


@st.composite
def planted(draw: st.DrawFn) -> Said:
    place = draw(st.sampled_from(PLACES))
    event(place.__name__)
    return place(draw, draw(st.sampled_from(ANY)))


# -- what is written -------------------------------------------------------------------------------------------------


def exchange(said: Said) -> tuple[Any, Any, bytes]:
    method = "POST" if said.body else "GET"
    body = said.body.encode()
    lines = [f"{name}: {value}" for name, value in said.headers.items()]
    lines += [f"Content-Length: {len(body)}", "Content-Type: text/xml"] if body else []
    start = f"{method} {said.target} HTTP/1.1"
    head = "\r\n".join([start, f"Host: {said.host}", *lines, "", ""]).encode()
    return read_request_line(start.encode(), 9_000), read_request_fields(head, 1, 100), body


def capture(said: Said) -> tuple[bytes, list[Captured]]:
    """A block as the edge makes it, before it is packed, and what is read of it."""
    line, fields, body = exchange(said)
    rows = RowMaker({"reads": RuleTold(Safety.SAFE, None)}, lambda: None)
    noted: Any = SimpleNamespace(
        scheme="http",
        rule="reads",
        arm=None,
        backend="modern",
        fallback=None,
        cache=None,
        why=None,
        status=200,
        is_whole=True,
    )
    kind = rows.kind((1,), None, noted, line, fields)
    rows.tell(line, fields, "reads", None, len(body), body or None)
    connection = Connection("7-1", "192.0.2.7", Scheme.HTTP)
    rows.meet(connection)
    rows.add(kind, connection, (BEGAN, -1, BEGAN + 0.001), b"ok")
    ((content, number),) = rows.take().contents()
    records, broken, _ = found_in(Packer().pack(content, number))
    assert not broken
    return content, records


def access_log(said: Said) -> str:
    line, fields, _ = exchange(said)
    peer: Any = SimpleNamespace(is_trusted=False, address="192.0.2.7", scheme="http")
    out = io.StringIO()
    log = AccessLog(out, scrub_path=kept_target, scrub_text=kept_name)
    log.write(record_request(peer, line, fields))
    log.flush()
    return out.getvalue()


def model(records: list[Captured]) -> str:
    """Of what a single client sent, again and again, from many networks: whatever is not scrubbed stays."""
    many = [
        replace(each, client=f"10.{number}.0.0", connection=f"{number}", time=each.time + number)
        for number in range(6)
        for each in records
    ]
    with suppress(CannotFit):
        return written(fit(many, least=1))
    return ""


def report(records: list[Captured]) -> Iterator[str]:
    """Of a replay: what was refused, labels of what was sent, and examples of what is answered otherwise."""
    refused, outcome, comparison = (
        Counter[tuple[Refused, str, str]](),
        Outcome(1e9),
        Comparison("http://127.0.0.1:8082"),
    )
    for record in records:
        judged = as_recorded(record)
        chosen = choose(record, as_recorded, Rewriting(), without_credentials=True, keep_record=True)
        if isinstance(chosen, Planned):
            outcome.label(chosen.label).sent += 1
            target = chosen.url.partition("://")[2].partition("/")[2]
            headers = {name: [value] for name, value in chosen.headers}
            example = Example.of(
                1.0, (chosen.method, f"/{target}", headers), (Answer(200), Answer(404)), (StatusChanged(200, 404),)
            )
            agent = record.headers.get("user-agent", "")
            comparison.groups.add(
                Key(judged.rule, judged.shape, family_of(agent)), (StatusChanged(200, 404),), lambda e=example: e, 1.0
            )  # type: ignore[misc]
        else:
            refused[chosen, record.method, judged.shape] += 1
    reasons = Counter(each[0] for each in refused)
    read = Read(["a.capture"], len(records), 1, 1, 1.0, 2.0, reasons, refused, 0, "what was declared")
    made = Report(read, "as recorded", [Side("http://127.0.0.1:8081", outcome)], comparison=comparison)
    yield from ("\n".join(as_text(made)), json.dumps(as_json(made)), as_page(made))


@settings(max_examples=300)
@given(planted())
def test_a_secret_is_in_nothing_that_is_written(said: Said) -> None:
    known = [spellings_of(said.secret) | spellings_of(quote(said.secret, safe=""))]
    content, records = capture(said)
    assert records
    assert list(known_in(content, known)) == [], said
    assert list(secrets_of(json.loads(content.partition(b"\n")[0]))) == []
    assert list(known_in(access_log(said).encode(), known)) == [], said
    assert list(known_in(model(records).encode(), known)) == [], said
    for text in report(records):
        assert list(known_in(text.encode(), known)) == [], said


@settings(max_examples=300)
@given(planted())
def test_nor_where_somebody_else_wrote_it_down(said: Said) -> None:
    """A reader of other programs' files, that knows a URL and headers."""
    target = said.target if said.target.startswith("/") else f"/{said.target.partition('://')[2].partition('/')[2]}"
    words = request_words("GET", f"http://{said.host}{target}", said.headers, "192.0.2.7")
    known = [spellings_of(said.secret) | spellings_of(quote(said.secret, safe=""))]
    assert list(known_in(json.dumps(words).encode(), known)) == [], said
    assert list(secrets_of(words)) == []


@settings(max_examples=300)
@given(planted())
def test_who_kept_it_all_the_same_is_told_so(said: Said) -> None:
    """`edgeproxy capture verify`, of a file that nobody has scrubbed."""
    headers = {name: value for name, value in said.headers.items() if name != "x-a"}
    target = said.target if said.target.startswith("/") else "/"
    host = said.host if said.target.startswith("/") else said.target.partition("://")[2].partition("/")[0]
    words = {"url": f"http://{host}{target}", "headers": headers, "body": said.body}
    assert list(secrets_of({name: value for name, value in words.items() if value}))
