"""What the proxies are told to do: each conf is filled in completely."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from loadtests.bench.cases import CASES, Case, Kind
from loadtests.bench.certificate import Certificate
from loadtests.bench.origin import content_of, prepare_nginx, write_store
from loadtests.bench.proxies import PROXIES, exclusion_of
from loadtests.bench.site import Proxy, Site

CASE = {case.name: case for case in CASES}
PROXY = {proxy.name: proxy for proxy in PROXIES}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "store", origin=4711, port=4712)


def told_to(proxy: Proxy, site: Site, case: Case) -> str:
    return " ".join((*proxy.prepare(site, case), *(file.read_text() for file in site.directory.iterdir())))


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.name)
def test_a_proxy_knows_both_ports_and_no_mark_is_left(proxy: Proxy, site: Site) -> None:
    told = told_to(proxy, site, CASE["pass-1k"])
    assert re.search(r"\b4711\b", told)
    assert re.search(r"\b4712\b", told)
    assert "@{" not in told


@pytest.mark.parametrize("proxy", [proxy for proxy in PROXIES if proxy.speaks_tls], ids=lambda proxy: proxy.name)
def test_a_proxy_is_given_the_certificate_for_tls_only(proxy: Proxy, site: Site) -> None:
    files = Certificate(*(site.directory / name for name in ("chain.pem", "key.pem", "both.pem", "client.cnf")))
    assert ".pem" not in told_to(proxy, site, CASE["pass-1k"])
    assert ".pem" in told_to(proxy, replace(site, certificate=files), CASE["tls-pass-1k"])


@pytest.mark.parametrize("proxy", [proxy for proxy in PROXIES if proxy.caches], ids=lambda proxy: proxy.name)
@pytest.mark.parametrize("case", [case for case in CASES if case.cached], ids=lambda case: case.name)
def test_a_proxy_is_told_to_cache_in_the_cached_cases_only(proxy: Proxy, case: Case, site: Site) -> None:
    assert "cache:" not in told_to(proxy, site, CASE["pass-1k"])
    told = told_to(proxy, site, case)
    assert re.search(r"cache: |cache-use|proxy_cache |malloc", told)
    assert re.search(r"\b4711\b", told)
    assert "@{" not in told


def test_what_a_proxy_cannot_do_it_is_left_out_of() -> None:
    assert exclusion_of(PROXY["varnish"], CASE["tls-pass-1k"]) == "it speaks no TLS to clients"
    assert exclusion_of(PROXY["nginx"], CASE["rules-10k"]) == "the case is for edge alone"
    assert exclusion_of(PROXY["envoy"], CASE["cached-1k"]) == "it has no cache for use in earnest"
    assert not any(exclusion_of(PROXY["edge"], case) for case in CASES)


def test_the_rule_file_of_the_edge_is_yaml_with_both_rules(site: Site) -> None:
    PROXY["edge"].prepare(site, CASE["pass-1k"])
    rules = yaml.safe_load((site.directory / "rules.yaml").read_text())
    assert [rule["name"] for rule in rules["rules"]] == ["simple", "files"]
    assert rules["backends"]["store"]["directory"] == str(site.store)


def test_the_origin_answers_a_page_from_memory_for_each_page_case(site: Site) -> None:
    prepare_nginx(site)
    told = (site.directory / "nginx.conf").read_text()
    assert all(f"location {case.prefix} " in told for case in CASES if case.kind is Kind.PAGE and not case.cached)


def test_the_store_holds_the_files_of_a_case_at_their_paths(tmp_path: Path) -> None:
    paths = ("/packages/a-0.whl", "/packages/a-1.whl")
    case = Case("small", "small file", Kind.FILE, "/packages/a-", paths, size=1500)
    write_store(tmp_path, (case,))
    assert (tmp_path / "packages/a-1.whl").read_bytes() == content_of(case)
    assert len(content_of(case)) == 1500
