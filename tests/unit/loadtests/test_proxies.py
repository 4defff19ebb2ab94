"""What the proxies are told to do: each conf is filled in completely."""

import re
from pathlib import Path

import pytest
import yaml

from loadtests.bench.cases import CASES, Case, Kind
from loadtests.bench.origin import content_of, prepare_nginx, write_store
from loadtests.bench.proxies import PROXIES, Proxy, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "store", origin=4711, port=4712)


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.name)
def test_a_proxy_knows_both_ports_and_no_mark_is_left(proxy: Proxy, site: Site) -> None:
    told = " ".join((*proxy.prepare(site), *(file.read_text() for file in site.directory.iterdir())))
    assert re.search(r"\b4711\b", told)
    assert re.search(r"\b4712\b", told)
    assert "@{" not in told


def test_the_rule_file_of_the_edge_is_yaml_with_both_rules(site: Site) -> None:
    next(proxy for proxy in PROXIES if proxy.name == "edge").prepare(site)
    rules = yaml.safe_load((site.directory / "rules.yaml").read_text())
    assert [rule["name"] for rule in rules["rules"]] == ["simple", "files"]
    assert rules["backends"]["store"]["directory"] == str(site.store)


def test_the_origin_answers_a_page_from_memory_for_each_page_case(site: Site) -> None:
    prepare_nginx(site)
    told = (site.directory / "nginx.conf").read_text()
    assert all(f"location {case.prefix} " in told for case in CASES if case.kind is Kind.PAGE)


def test_the_store_holds_the_files_of_a_case_at_their_paths(tmp_path: Path) -> None:
    case = Case("small", "small file", Kind.FILE, "/packages/a-", ".whl", count=2, size=1500)
    write_store(tmp_path, (case,))
    assert (tmp_path / "packages/a-1.whl").read_bytes() == content_of(case)
    assert len(content_of(case)) == 1500
