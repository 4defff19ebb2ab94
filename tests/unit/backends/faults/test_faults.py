"""Each fault of how a site answers, on real sockets, in either site."""

from __future__ import annotations

import asyncio

import pytest
from faulty_site import FLASK, TOKEN, FaultySite, Got

from backends.faults import FaultyStore

PAGE = "/simple/flask/"
ASK = ("Backend-Token: " + TOKEN,)


async def until_hit(site: FaultySite, number: int) -> None:
    while not any(each["number"] == number and each["hits"] for each in await site.listed()):
        await asyncio.sleep(0)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_slow_answer_is_the_true_one_and_comes_late(site: FaultySite, method: str) -> None:
    true = await site.get(PAGE, method=method)
    number = await site.plant("simple slow=5m")
    late = asyncio.ensure_future(site.get(PAGE, method=method))
    await until_hit(site, number)
    assert (await site.get("/pypi/nope/json")).status == 404  # others are answered meanwhile
    assert not late.done()
    site.time.now += 300
    got = await late
    assert (got.status, got.body) == (true.status, true.body)
    assert got.headers["Cache-Control"] == true.headers["Cache-Control"]


async def test_who_is_slow_is_quick_as_soon_as_the_fault_is_cleared(site: FaultySite) -> None:
    number = await site.plant("simple slow=5m")
    late = asyncio.ensure_future(site.get(PAGE))
    await until_hit(site, number)
    await site.tell("DELETE", f"/_faults/{number}")
    assert (await late).status == 200


async def test_a_share_of_the_answers_are_errors_and_the_same_ones_each_time(site: FaultySite) -> None:
    async def statuses() -> list[int]:
        number = await site.plant("simple error share=25%")
        found = [(await site.get(PAGE)).status for _ in range(40)]
        await site.tell("DELETE", f"/_faults/{number}")
        return found

    first, second = await statuses(), await statuses()
    assert first == second
    assert {200, 500} == set(first)


async def test_an_error_is_one_that_no_cache_keeps_unless_it_is_asked_to(site: FaultySite) -> None:
    got = await site.get(PAGE, "error=503")
    assert (got.status, got.headers["Cache-Control"]) == (503, "no-store")
    assert "Surrogate-Control" not in got.headers
    assert got.text == "503 Service Unavailable: a fault that was asked for\n"
    kept = await site.get(PAGE, "error=599 kept")
    assert kept.status == 599
    assert kept.headers.get("Cache-Control") != "no-store"


async def test_the_share_of_a_header_goes_on_from_request_to_request(site: FaultySite) -> None:
    statuses = [(await site.get(PAGE, "error share=50%")).status for _ in range(30)]
    assert {200, 500} == set(statuses)


async def test_what_hangs_says_nothing_until_the_fault_is_over(site: FaultySite) -> None:
    number = await site.plant("simple/flask hang", "10m")
    hanging = asyncio.ensure_future(site.octets(PAGE))
    await until_hit(site, number)
    assert (await site.get("/simple/six/")).status == 200
    assert not hanging.done()
    site.time.now += 600  # it ends by itself
    octets, _ = await hanging
    assert octets == b""
    assert (await site.get(PAGE)).status == 200


async def test_what_hangs_ends_with_its_client(site: FaultySite) -> None:
    number = await site.plant("simple/flask hang")
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"GET {PAGE} HTTP/1.1\r\nHost: pypi.test\r\n\r\n".encode())
    await until_hit(site, number)
    assert site.open_connections() == 2  # it, and the one that tells of hits
    writer.close()
    while site.open_connections() != 1:
        await asyncio.sleep(0)


async def test_what_hangs_ends_with_the_site(site: FaultySite) -> None:
    number = await site.plant("simple/flask hang")
    hanging = asyncio.ensure_future(site.octets(PAGE))
    await until_hit(site, number)
    async with asyncio.timeout(4):  # before aiohttp loses its patience, after 60 seconds
        await site.runner.cleanup()
    assert (await hanging)[0] == b""


def body_of(octets: bytes) -> bytes:
    return octets.partition(b"\r\n\r\n")[2]


async def test_a_reset_comes_in_the_middle_of_the_body(site: FaultySite) -> None:
    whole = (await site.get(PAGE)).body
    octets, is_reset = await site.octets(PAGE, "Backend-Fault: reset", *ASK)
    assert is_reset
    assert f"content-length: {len(whole)}\r\n" in octets.decode().lower()
    assert b"no-store" in octets
    assert body_of(octets) == whole[: len(whole) // 2]


@pytest.mark.parametrize("after", [0, 7])
async def test_a_reset_comes_where_it_is_asked_for(site: FaultySite, after: int) -> None:
    whole = (await site.get(PAGE)).body
    octets, is_reset = await site.octets(PAGE, f"Backend-Fault: reset={after}", *ASK)
    assert (body_of(octets), is_reset) == (whole[:after], True)


@pytest.mark.parametrize(
    ("path", "method"), [(PAGE, "HEAD"), ("/simple/nope/", "GET"), ("/simple/Flask/", "GET"), ("/simple", "GET")]
)
async def test_an_answer_of_any_kind_is_reset(site: FaultySite, path: str, method: str) -> None:
    octets, is_reset = await site.octets(path, "Backend-Fault: reset", *ASK, method=method)
    assert octets.startswith(b"HTTP/1.1 ")
    assert is_reset


@pytest.mark.parametrize("site", ["legacy"], indirect=True)
async def test_a_file_is_reset_in_the_middle_of_its_true_octets(site: FaultySite, store: FaultyStore) -> None:
    file = store.file_named(FLASK.filename)
    assert file is not None
    number = await site.plant("files/flask reset")
    octets, is_reset = await site.octets(f"/{file.path}")
    assert (body_of(octets), is_reset) == (FLASK.content[: len(FLASK.content) // 2], True)
    assert [each["hits"] for each in await site.listed()] == [1]
    await site.tell("DELETE", f"/_faults/{number}")
    assert (await site.get(f"/{file.path}")).body == FLASK.content


async def test_faults_come_together(site: FaultySite) -> None:
    number = await site.plant("simple slow=1s")
    await site.plant("simple/flask error=502")
    await site.plant("simple hang")  # the first of what stands in the answer's place counts
    late = asyncio.ensure_future(site.get(PAGE))
    await until_hit(site, number)
    site.time.now += 1
    assert (await late).status == 502


async def test_files_lead_to_the_other_host_as_in_2018(site: FaultySite) -> None:
    """With a rule that sends the other host's requests here, it is a loop, for files that are in no cache."""
    other = {"legacy": "pypi.test", "modern": "legacy.pypi.test"}[site.name]
    path = "/packages/source/F/Flask/flask-0.9.tar.gz"
    got = await site.get(path, "redirect=host-loop", headers={"X-Forwarded-Proto": "https"})
    assert (got.status, got.headers["Location"]) == (302, f"https://{other}{path}")
    assert got.headers["Cache-Control"] == "no-store"
    assert (await site.get(PAGE, "redirect=host-loop")).status == 200
    assert (await site.get(path)).headers.get("Location") != f"https://{other}{path}"


async def test_the_direction_of_names_is_turned_round_as_in_2022(site: FaultySite) -> None:
    """Who holds the redirect from before, and gets this one, goes in a circle."""
    new, old = ("flask", "Flask") if site.name == "legacy" else ("Flask", "flask")
    path = {name: f"/pypi/{name}/json" for name in (old, new)}
    before = {name: await site.get(path[name]) for name in (old, new)}
    assert (before[old].status, before[new].headers["Location"]) == (200, path[old])
    number = await site.plant("json redirect=name-flip")
    turned = await site.get(f"{path[old]}?x=1")
    assert (turned.status, turned.headers["Location"]) == (301, f"{path[new]}?x=1")
    assert turned.headers["Cache-Control"] == "no-store"
    served = await site.get(path[new])
    assert (served.status, served.body) == (200, before[old].body)
    release = await site.get(f"/pypi/{old}/1.0/json")
    assert release.headers["Location"] == f"/pypi/{new}/1.0/json"
    assert (await site.get("/pypi/six/json")).status == 200  # one spelling: nothing to turn
    assert (await site.get("/pypi/nope/json")).status == 404
    await site.tell("DELETE", f"/_faults/{number}")
    assert same(await site.get(path[old]), before[old])


async def test_what_is_asked_for_in_vain_is_no_hit_and_changes_nothing(site: FaultySite) -> None:
    true = await site.get("/pypi/six/json")
    await site.plant("* redirect=name-flip")
    await site.plant("*/six without=yanked")
    await site.plant("*/nope missing")
    assert same(await site.get("/pypi/six/json"), true)
    assert [each["hits"] for each in await site.listed()] == [0, 0, 0]


def same(one: Got, other: Got) -> bool:
    heads = [{name: value for name, value in got.headers.items() if name != "Date"} for got in (one, other)]
    return (one.status, one.body, heads[0]) == (other.status, other.body, heads[1])
