"""Overrides of a cutover: clients that are pinned to an arm, and a request that says its arm with the edge's token."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import Backend, RunningEdge, Script, always, backend, request, running_edge

from edgeproxy.migration.gates.counts import Block
from edgeproxy.migration.specimen import Specimen
from edgeproxy.telemetry.access_log import AccessLog
from edgeproxy.telemetry.counters import Override, Refusal

TOKEN = "0123456789abcdef-token"
RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
trusted_proxies: [127.0.0.9/32]
hosts: {{app: {{names: [pypi.test]}}}}
{token}
backends:
  legacy: {{url: "http://127.0.0.1:{legacy}"}}
  modern: {{url: "http://127.0.0.1:{modern}"}}
splits: {{fixed: {{weights: {{legacy: 100, modern: 0}}}}}}
cutovers:
  reads:
    from: legacy
    to: modern
    steps: [1, 50, 100]
    hold: 1m
    pin:
      - {{user_agent: {{prefix: "bandersnatch/"}}, arm: from}}
      - {{client: [10.0.0.0/8], arm: to}}
rules:
  - {{name: fixed, match: {{path: "/fixed"}}, forward: {{split: fixed}}}}
  - {{name: own, match: {{path: "/own"}}, respond: {{status: 204}}}}
  - {{name: calls, match: {{path: "/pypi", methods: [POST], xmlrpc: [search]}}, forward: {{cutover: reads}}, safety: safe}}
  - {{name: beta, match: {{path: "/beta", headers: {{X-Beta: "1"}}}}, forward: {{cutover: reads}}}}
  - {{name: all, match: {{path: "/{{rest*}}"}}, forward: {{cutover: reads}}{more}}}
"""
TO, FROM = f"Edge-Arm: to {TOKEN}", f"Edge-Arm: from {TOKEN}"
MIRROR, INSIDE = ("User-Agent: bandersnatch/6",), ("X-Forwarded-For: 10.1.2.3",)  # by a trusted proxy
HALF = 50_000


def says(name: str, lines: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(name)}\r\n\r\n{name}".encode()


LEGACY, MODERN = always(says("legacy")), always(says("modern"))


@dataclass
class Site:
    edge: RunningEdge
    legacy: Backend
    modern: Backend
    token: Path
    log: io.StringIO

    async def arm(self, *lines: str, target: str = "/", source: str = "127.0.0.9") -> str:
        return (await self.edge.ask(request(target, *lines), source)).body.decode()

    def move(self, share: int | None) -> None:
        self.edge.edge.move({} if share is None else {"reads": share})

    def counted(self) -> tuple[int, int]:
        """For gates, of the old arm and of the new one."""
        words = self.edge.edge.tally.take()
        block = Block.from_json(words["reads"]) if words else Block()
        return block.old.exchanges, block.new.exchanges


@asynccontextmanager
async def site(
    place: Path, *, token: bool = True, more: str = "", legacy: Script = LEGACY, modern: Script = MODERN
) -> AsyncIterator[Site]:
    file, log = place / "arm.token", io.StringIO()
    write(file, TOKEN)
    async with backend(legacy) as old, backend(modern) as new:
        named = f"arm_token: {file}" if token else ""
        rules = RULES.format(legacy=old.port, modern=new.port, more=more, token=named)
        async with running_edge(rules, access_log=AccessLog(log)) as edge:
            yield Site(edge, old, new, file, log)


def write(file: Path, token: str) -> None:
    file.write_text(f"{token}\n")
    file.chmod(0o600)


# -- pins -----------------------------------------------------------------------------------------------------------


async def test_pinned_clients_are_on_their_arm_at_every_share(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        for share in (0, 1, HALF, 100_000):
            its.move(share)
            assert [await its.arm(*MIRROR), await its.arm(*INSIDE)] == ["legacy", "modern"]
            assert await its.arm(*MIRROR, *INSIDE) == "legacy"  # the first that it fits
        assert await its.arm() == "modern"  # who is not pinned has gone over
        its.move(0)
        assert await its.arm() == "legacy"


async def test_at_rest_and_after_a_rollback_nobody_is_on_the_new_arm_by_a_pin(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        assert await its.arm(*INSIDE) == "legacy"
        its.move(HALF)
        async with its.edge.client("127.0.0.9") as client:
            assert (await client.ask(request("/", *INSIDE))).body == b"modern"
            its.move(None)
            assert (await client.ask(request("/", *INSIDE))).body == b"legacy"  # on the connection that it has
        assert await its.arm(TO) == "modern"  # by the token alone


async def test_a_client_is_pinned_by_what_a_trusted_proxy_says_of_it_and_not_by_its_own_word(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        its.move(0)
        assert await its.arm(*INSIDE, source="127.0.0.1") == "legacy"


async def test_what_pinned_clients_get_counts_for_no_gate(tmp_path: Path) -> None:
    async with site(tmp_path, more=", cache: {fresh: 0s}") as its:
        its.move(100_000)
        for _ in range(3):
            await its.arm(*MIRROR)
            await its.arm(*INSIDE)
        assert its.counted() == (0, 0)
        await its.arm()
        assert its.counted() == (0, 1)
        assert its.edge.edge.counters.arms == {("reads", "legacy"): 3, ("reads", "modern"): 4}
        assert its.edge.edge.counters.overrides == {("reads", Override.PIN): 6}


async def test_each_arm_keeps_its_own_answers_whoever_brought_them(tmp_path: Path) -> None:
    async with site(tmp_path, more=", cache: {fresh: 1h}") as its:
        its.move(HALF)
        for lines in (MIRROR, INSIDE, (TO,), (FROM,)) * 3:
            wanted = "legacy" if lines in (MIRROR, (FROM,)) else "modern"
            assert await its.arm(*lines, target="/page") == wanted
        assert (len(its.legacy.seen), len(its.modern.seen)) == (1, 1)


async def test_arms_that_share_answers_share_none_that_a_token_brought(tmp_path: Path) -> None:
    """A tester looks at the new side before a start: nobody gets what it saw, nor does it see what others brought."""
    async with site(tmp_path, more=", cache: {fresh: 1h, share_arms: true}") as its:
        for share in (None, 0, HALF):
            its.move(share)
            for target in ("/before", "/after"):
                for lines in ((TO,), (FROM,)) if target == "/before" else ():
                    wanted = "modern" if lines == (TO,) else "legacy"
                    assert await its.arm(*lines, target=target) == wanted
                assert await its.arm(*MIRROR, target=target) == "legacy"
                assert [await its.arm(line, target=target) for line in (TO, FROM, TO)] == ["modern", "legacy", "modern"]
                assert await its.arm(*INSIDE, target=target) == ("legacy" if share is None else "modern")
                assert await its.arm(target=target) == "legacy"  # which is what sharing is
        # Of each of both pages: what all share, what is said to be on the old arm, or pinned there; and on the new one.
        assert (len(its.legacy.seen), len(its.modern.seen)) == (6, 4)


async def test_a_purge_takes_what_a_token_brought_too(tmp_path: Path) -> None:
    async with site(tmp_path, more=", cache: {fresh: 1h, share_arms: true}") as its:
        for line in (TO, TO):
            await its.arm(line, target="/page")
        assert len(its.modern.seen) == 1
        assert (await its.edge.ask(request("/page", TO, "Content-Length: 0", method="POST"))).body == b"modern"
        await its.arm(TO, target="/page")
        assert len(its.modern.seen) == 3


# -- the token ------------------------------------------------------------------------------------------------------


async def test_a_token_puts_one_request_on_an_arm_at_every_share_and_before_pins(tmp_path: Path) -> None:
    async with site(tmp_path) as its, its.edge.client("127.0.0.9") as client:
        for share in (None, 0, HALF, 100_000):
            its.move(share)
            for lines in ((), MIRROR, INSIDE):
                assert (await client.ask(request("/", TO, *lines))).body == b"modern"
                assert (await client.ask(request("/", FROM, *lines))).body == b"legacy"
        its.move(None)
        assert (await client.ask(request("/"))).body == b"legacy"  # the next one is on its own again
        assert its.edge.edge.counters.overrides == {("reads", Override.TOKEN): 24}


@pytest.mark.parametrize("said", ["to", "to 0123456789abcdef-other", "modern " + TOKEN, f"to {TOKEN}, to {TOKEN}"])
@pytest.mark.parametrize("target", ["/", "/fixed", "/own"])
async def test_another_token_is_refused_and_counted_and_nobody_is_asked(tmp_path: Path, said: str, target: str) -> None:
    async with site(tmp_path) as its:
        its.move(HALF)
        answer = await its.edge.ask(request(target, f"Edge-Arm: {said}"))
        assert answer.status == 403
        assert its.edge.edge.counters.refusals == {Refusal.ARM_TOKEN: 1}
        assert its.legacy.seen == its.modern.seen == []
        its.edge.edge._access_log.flush()  # type: ignore[union-attr]
        assert json.loads(its.log.getvalue())["why"] == "arm_token"


async def test_a_renewed_token_is_taken_into_use_and_one_that_cannot_be_used_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with site(tmp_path) as its:
        token = its.edge.edge.arm_token
        assert token is not None
        write(its.token, "another-token-of-this-edge")
        token.look()  # as the edge does each second
        assert (await its.edge.ask(request("/", TO))).status == 403
        assert await its.arm("Edge-Arm: to another-token-of-this-edge") == "modern"
        its.token.write_text("short\n")
        token.look()
        assert (await its.edge.ask(request("/", "Edge-Arm: to short"))).status == 503
        assert (await its.edge.ask(request("/", TO))).status == 503
        assert await its.arm() == "legacy"  # nobody else is concerned
        assert "until then nobody can choose its arm by Edge-Arm" in capsys.readouterr().err


async def test_without_a_token_in_the_rules_the_field_is_taken_off_and_decides_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, token=False) as its:
        assert await its.arm(TO) == "legacy"
        assert b"edge-arm" not in its.legacy.seen[0].lower()


async def test_a_split_does_not_heed_it(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        assert await its.arm(TO, target="/fixed") == "legacy"
        assert (await its.edge.ask(request("/own", TO))).status == 204


@pytest.mark.parametrize("line", [TO, TO.lower(), f"EDGE-ARM:{TO[9:]}", f"{TO}\r\nConnection: Edge-Arm"])
async def test_the_token_reaches_no_backend_and_no_log(
    tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with site(tmp_path) as its:
        assert await its.arm(line, "User-Agent: pip/26.3") == "modern"
        assert TOKEN.encode() not in b"".join(its.modern.seen)
        assert b"edge-arm" not in b"".join(its.modern.seen).lower()
        its.edge.edge._access_log.flush()  # type: ignore[union-attr]
        record = json.loads(its.log.getvalue())
        assert (record["arm"], record["override"]) == ("modern", "token")
        assert TOKEN not in its.log.getvalue() + json.dumps(its.edge.edge.counters.numbers())
    assert TOKEN not in capsys.readouterr().err


async def test_what_is_forced_counts_for_no_gate(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        its.move(HALF)
        for line in (TO, FROM) * 4:
            await its.arm(line)
        assert its.counted() == (0, 0)


@pytest.mark.parametrize("more", ["", ", cache: {fresh: 1h}"])
async def test_the_fallback_stands_in_for_a_forced_arm_too(tmp_path: Path, more: str) -> None:
    broken = always(says("", status="500 Oh"))
    async with site(tmp_path, more=f"{more}, fallback: {{to: legacy, on: [5xx]}}", modern=broken) as its:
        assert await its.arm(TO) == "legacy"
        assert its.counted() == (0, 0)
        assert len(its.edge.edge.ledger) == 1


async def test_a_redirect_of_the_new_side_that_leads_a_tester_back_is_met(tmp_path: Path) -> None:
    """The tester's client says its arm again as it follows; others, who are on the old side, do not loop."""
    there = always(says("", lines="Location: http://pypi.test/page\r\n", status="302 Found"))
    async with site(tmp_path, modern=there) as its:
        assert (await its.edge.ask(request("/page", TO))).status == 508
        assert await its.arm(target="/page") == "legacy"
        its.move(0)
        assert (await its.edge.ask(request("/page", *INSIDE), "127.0.0.9")).status == 508
        assert (await its.edge.ask(request("/page", TO))).status == 508


async def test_a_body_goes_to_the_arm_that_is_said_and_a_call_too(tmp_path: Path) -> None:
    call = "<methodCall><methodName>search</methodName><params/></methodCall>"
    bodies: list[bytes] = []

    def reading(name: str) -> Script:
        async def script(peer: object) -> None:
            while True:
                head = await peer.head()  # type: ignore[attr-defined]
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                bodies.append(await peer.reader.readexactly(length))  # type: ignore[attr-defined]
                await peer.send(says(name))  # type: ignore[attr-defined]

        return script

    async with site(tmp_path, legacy=reading("legacy"), modern=reading("modern")) as its:
        for target in ("/upload", "/pypi"):
            lines = (TO, "Content-Type: text/xml", f"Content-Length: {len(call)}")
            answer = await its.edge.ask(request(target, *lines, method="POST") + call.encode())
            assert answer.body == b"modern"
        assert bodies == [call.encode()] * 2


async def test_a_shadow_of_an_overridden_request_says_so_and_holds_no_token(tmp_path: Path) -> None:
    """It is shown, and counts for no gate; a client that is on the new arm already has none."""
    taken: list[Specimen] = []
    heard = asyncio.Event()

    def deliver(specimen: Specimen) -> bool:
        taken.append(specimen)
        heard.set()
        return True

    async with backend(LEGACY) as old, backend(MODERN) as new:
        (tmp_path / "arm.token").write_text(f"{TOKEN}\n")
        (tmp_path / "arm.token").chmod(0o600)
        more, token = ", shadow: {to: modern, percent: 100}", f"arm_token: {tmp_path / 'arm.token'}"
        rules = RULES.format(legacy=old.port, modern=new.port, more=more, token=token)
        async with running_edge(rules, deliver=deliver) as edge:
            edge.edge.move({"reads": 0})
            for lines in ((TO,), (FROM,), MIRROR, ()):
                heard.clear()
                await edge.ask(request("/page", *lines))
                if lines != (TO,):
                    await heard.wait()
        assert [each.is_overridden for each in taken] == [True, True, False]
        seen = b"".join((*old.seen, *new.seen, *(each.lines for each in taken)))
        assert TOKEN.encode() not in seen
        assert b"edge-arm" not in seen.lower()


async def test_rules_that_look_at_headers_see_the_others_and_choose_as_ever(tmp_path: Path) -> None:
    async with site(tmp_path) as its:
        assert await its.arm(TO, "X-Beta: 1", target="/beta") == "modern"
        assert its.edge.edge.counters.rules == {"beta": 1}


async def test_a_request_whose_octets_are_known_is_put_where_it_says_each_time(tmp_path: Path) -> None:
    """The memories of header sections, plans and known requests know nothing of arms."""
    async with site(tmp_path, more=", cache: {fresh: 1h}") as its, its.edge.client() as client:
        for _ in range(3):
            assert (await client.ask(request("/page", TO))).body == b"modern"
            assert (await client.ask(request("/page"))).body == b"legacy"
        write(its.token, "another-token-of-this-edge")
        its.edge.edge.arm_token.look()  # type: ignore[union-attr]
        assert (await client.ask(request("/page", TO))).status == 403
