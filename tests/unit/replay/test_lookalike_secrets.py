"""A model holds no recorded request and no client: planted secrets, names, paths, addresses and values, looked for in its octets."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from captures import SECRETS
from lookalikes import Making, captured

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.scanning import known_in, secrets_of, spellings_of
from replay.model.catalogue import Catalogue, Project
from replay.model.checking import check
from replay.model.files import read, written
from replay.model.fitting import CannotFit, fit
from replay.model.picture import page_of
from replay.model.planning import Planner
from replay.model.telling import about, as_json, as_text

MAKING = Making(seconds=60, networks=40, projects=300)
NAMES = ("unreleased-product", "zymurgical-fizzbuzz")
ADDRESSES = ("203.0.113.0", "198.51.100.0")


def planted(records: list[Captured]) -> list[Captured]:
    """Secrets as if nobody had scrubbed them, each in whatever can hold one, from few clients and from one."""
    made: list[Captured] = []
    for number, secret in enumerate(SECRETS):
        of = records[number * 7]
        client = ADDRESSES[number % 2]
        agent = of.headers.get("user-agent", "")
        places = (
            {"url": f"http://pypi.test/simple/{secret}/"},
            {"url": f"http://pypi.test/search/?q={secret}"},
            {"url": f"http://pypi.test/search/?{secret}=1"},
            {"url": f"http://pypi.test/account/reset/{secret}/", "shape": f"/account/reset/{secret}/"},
            {"url": f"http://{secret.lower().strip('=')}.test/"},
            {"rule": secret, "shape": secret},
            {"method": "GET", "xmlrpc": secret, "body": f"<methodCall>{secret}</methodCall>"},
            {"headers": {"user-agent": f"pip/{secret}"}},
            {"headers": {"user-agent": agent.replace('"x86_64"', f'"{secret}"')}},
            {"headers": {"user-agent": agent, "accept-language": secret, "if-none-match": f'"{secret}"'}},
            {"headers": {"user-agent": agent, "x-requested-with": secret, "range": f"bytes={secret}-"}},
            {"headers": {"user-agent": agent, "referer": f"http://pypi.test/?token={secret}"}},
        )
        made += [replace(of, client=client, connection=f"{secret} {n}", **place) for n, place in enumerate(places)]  # type: ignore[arg-type]
    return made


def uncommon(records: list[Captured]) -> list[Captured]:
    """Projects, pages and kinds that one client alone asked for, often."""
    of = records[0]
    urls = [f"http://pypi.test/simple/{name}/" for name in NAMES] * 20 + [
        "http://pypi.test/intranet-page/of/alice-and-bob"
    ]
    agents = ["corporate-crawler/7.13 (alice)", *([of.headers["user-agent"]] * (len(urls) - 1))]
    return [
        replace(of, url=url, shape=None, client="203.0.113.0", headers={"user-agent": agent}, time=of.time + number)
        for number, (url, agent) in enumerate(zip(urls, agents, strict=True))
    ]


def all_records() -> list[Captured]:
    records = captured(MAKING)
    return sorted([*records, *planted(records), *uncommon(records)], key=lambda each: each.time)


@pytest.mark.parametrize("as_json_file", [False, True], ids=["yaml", "json"])
def test_nothing_of_what_was_recorded_is_in_a_model(as_json_file: bool) -> None:
    records = all_records()
    model = fit(records)
    text = written(model, as_json=as_json_file)
    assert read(text) == read(written(read(text), as_json=as_json_file))
    known = [spellings_of(secret) for secret in SECRETS]
    assert list(known_in(text.encode(), known)) == []
    assert list(secrets_of({"model": text})) == []
    for part in (*NAMES, *ADDRESSES, "203.0.113", "intranet", "alice", "corporate-crawler", "10.3.0.0"):
        assert part not in text
    paths = {record.url.partition("://")[2].partition("/")[2] for record in records}
    assert not [path for path in paths if len(path) > 1 and f"/{path}" in text]
    assert not [number for number in range(1, MAKING.projects + 1) if f"p{number}/" in text or f"p{number}-" in text]


def of_one_client(records: list[Captured], *, agents: int = 1) -> list[Captured]:
    """With ten networks, and what it says as it likes, again and again."""
    made: list[Captured] = []
    for number, of in enumerate(records[:400]):
        own = {
            "user-agent": f"acme-deployer/1.{number % agents} (jsmith; build farm)",
            "accept": "application/secretformat",
            "accept-language": "john.smith@acme.corp" if number % 2 else "en-secretpr",
            "x-requested-with": "secretprojectname",
            "prefer": "secretpreference",
            "sec-ch-ua": '"SecretBrowser";v="1"',
            "cache-control": "secretdirective",
        }
        installs = own | {
            "user-agent": of.headers["user-agent"].replace("6.1.0", "6.1.0-acme").replace("Linux", "SecretOS")
        }
        places = (
            {"url": "http://pypi.test/search/?q=john.smith@acme.corp", "shape": None},
            {"url": "http://pypi.test/search/?q=secretproduct", "shape": None},
            {"url": "http://pypi.test/search/?q=db7.internal.acme.corp&format=json", "shape": None},
            {"url": "http://pypi.test/search/?secretparameter=1", "shape": None},
            {"url": "http://pypi.test/search/?john@acme=1", "shape": None},
            {"method": "POST", "url": "http://pypi.test/pypi", "xmlrpc": "secretcall", "shape": None},
            {"headers": own},
            {"headers": installs},
            {"url": "http://pypi.test/search/?q=json&page=2", "shape": None},
        )
        made.append(
            replace(of, client=f"2001:db8:{number % 10:x}::", **{"headers": own, **places[number % len(places)]})
        )  # type: ignore[arg-type]
    return made


OWN = ("john", "smith", "acme", "secret", "deployer", "farm", "corp", "internal")


def test_one_client_with_many_networks_is_no_crowd() -> None:
    """Of five sites, or of an allocation of IPv6 from which it takes what it likes."""
    records = captured(MAKING)
    text = written(fit(sorted([*records, *of_one_client(records)], key=lambda each: each.time)))
    assert [word for word in OWN if word in text.lower()] == []
    assert "page" in text


def test_nor_with_many_versions_of_its_program_what_is_said_of_whom_and_where() -> None:
    records = captured(MAKING)
    text = written(fit(sorted([*records, *of_one_client(records, agents=9)], key=lambda each: each.time)))
    assert [word for word in ("john", "smith", "deployer", "farm", "secretpr", "secretpref") if word in text] == []


def test_nor_what_stands_where_secrets_do_or_is_no_word() -> None:
    """As if nobody had scrubbed it, from many networks, by many versions: what is searched for stays as a word alone."""
    records = captured(MAKING)
    told = (
        "?token=zqxhunter",
        "?passwd=zqxhunter",
        '?if-match="zq8Zr3Vt6Yw9AbCdEfGhJ2kMn"',
        "?referer=me:zqxhunter@h",
        "?q=zqx2hunter3",
    )
    told += (
        "?q=password%C2%A0is%C2%A0zqxhunter",
        "?q=alice%20zqxhunter4u",
        "?q=pass%2577ord=zqxhunter",
        "?q=frobnicate",
    )
    said = [
        replace(of, client=f"10.{number % 10}.0.0", url=f"http://pypi.test/search/{told[number % len(told)]}", shape=None,
                headers={"user-agent": f"pip/9.0.{number % 13}"})
        for number, of in enumerate([*records, *records][:2_000])
    ]  # fmt: skip
    text = written(fit(sorted([*records, *said], key=lambda each: each.time)))
    assert "frobnicate" in text
    assert "zq" not in text


def test_what_is_left_out_is_counted() -> None:
    model = fit(all_records())
    assert model.about.left_out["not shared"] > 40
    assert model.about.shared_by == 5


def test_reports_and_traffic_hold_nothing_of_it_either() -> None:
    records = all_records()
    model = fit(records)
    found = check(model, records, Random(1))
    planner = Planner(Catalogue([Project(f"there-{number}") for number in range(50)]))
    drawn = planner.planned(model, Random(2), model.arrivals)
    told = "\n".join(
        (*about(model), *as_text(found), str(as_json(found)), page_of(found), *(str(next(drawn)) for _ in range(2_000)))
    )
    assert list(known_in(told.encode(), [spellings_of(secret) for secret in SECRETS])) == []
    assert not [name for name in (*NAMES, *ADDRESSES, "alice") if name in told]


def test_a_secret_that_many_clients_share_is_in_no_model() -> None:
    """One of a company, in every one of its machines' requests: scrubbed at the latest here."""
    records = captured(MAKING)
    shared = [
        replace(
            each,
            headers={**each.headers, "accept-language": SECRETS[0], "user-agent": f"tool/{SECRETS[2]}"},
            url=f"http://pypi.test/hook/{SECRETS[1]}/" if number % 3 else f"{each.url}?{SECRETS[0]}={SECRETS[3]}",
            shape=f"/hook/{SECRETS[1]}/" if number % 3 else each.shape,
            rule=SECRETS[0],
        )
        for number, each in enumerate([*records, *records])
    ]
    shared += records
    shared.sort(key=lambda each: each.time)
    assert list(known_in(written(fit(shared)).encode(), [spellings_of(secret) for secret in SECRETS])) == []


def test_what_is_not_declared_safe_is_not_looked_at() -> None:
    records = captured(MAKING)
    with pytest.raises(CannotFit, match="no request is declared safe"):
        fit([replace(each, safety=SafetyClass.UNKNOWN) for each in records])
    mixed = [replace(each, safety=SafetyClass.UNSAFE) if number % 3 else each for number, each in enumerate(records)]
    model = fit(mixed)
    assert model.about.left_out["unsafe"] == sum(each.safety is SafetyClass.UNSAFE for each in mixed)


def test_too_few_clients_make_no_model() -> None:
    records = [replace(each, client="10.0.0.0") for each in captured(MAKING)]
    with pytest.raises(CannotFit, match="nothing is shared by 5 clients: 1 are told apart"):
        fit(records)
    assert fit(records, least=1).about.shared_by == 1
    with pytest.raises(CannotFit, match="there are no requests"):
        fit([])
