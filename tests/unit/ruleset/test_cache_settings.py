"""The `cache` section of a rule file: where answers are kept, and how much of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.ruleset.caches import DEFAULT_CACHE, CacheSettings
from edgeproxy.ruleset.load import RuleFileError, load_ruleset, parse_ruleset

REST = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {store: {directory: ./files}}
rules: [{name: all, match: {path: "/{rest*}"}, forward: {backend: store}}]
"""
MIB = 1 << 20


def settings_of(text: str) -> CacheSettings:
    return parse_ruleset(f"{REST}cache: {text}\n", "rules.yaml", base=Path("/srv/edge")).cache


def test_without_the_section_answers_are_kept_in_memory() -> None:
    assert parse_ruleset(REST, "rules.yaml", base=Path("/")).cache == DEFAULT_CACHE
    assert DEFAULT_CACHE.directory is None


def test_paths_are_from_the_folder_of_the_rule_file() -> None:
    settings = settings_of("{memory: 32MiB, directory: ../kept, disk: 2GiB, largest: 1MiB, purge_token: purge.token}")
    assert settings == CacheSettings(32 * MIB, Path("/srv/kept"), 2048 * MIB, 1 * MIB, Path("/srv/edge/purge.token"))
    assert settings_of("{directory: /var/cache/edge}").directory == Path("/var/cache/edge")


@pytest.mark.parametrize(
    ("text", "largest"),
    [
        ("{memory: 16MiB}", DEFAULT_CACHE.largest),  # what is above the memory does not come into it
        ("{directory: kept}", DEFAULT_CACHE.largest),
        ("{directory: kept, disk: 512MiB}", 512 * MIB),
        ("{memory: 1GiB, largest: 64KiB}", MIB // 16),
    ],
)
def test_the_largest_answer_is_never_larger_than_the_disk(text: str, largest: int) -> None:
    assert settings_of(text).largest == largest


@pytest.mark.parametrize(
    "text", ["{directory: files}", "{directory: files/kept}", "{directory: .}", "{purge_token: files/token}"]
)
def test_what_is_kept_lies_apart_from_what_is_served(text: str) -> None:
    with pytest.raises(RuleFileError, match="conflicting-values"):
        settings_of(text)


def test_a_directory_of_a_like_name_is_another_one() -> None:
    assert settings_of("{directory: files-kept}").directory == Path("/srv/edge/files-kept")


def test_it_stands_in_one_of_the_files_and_its_paths_are_from_there(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "cache.yaml").write_text("edge: 1\ncache: {directory: kept}\n")
    main = tmp_path / "main.yaml"
    main.write_text(f"{REST}include: [parts/cache.yaml]\n")
    assert load_ruleset(main).cache.directory == tmp_path / "parts" / "kept"
    main.write_text(f"{REST}include: [parts/cache.yaml]\ncache: {{memory: 1MiB}}\n")
    with pytest.raises(RuleFileError, match="'cache' is given twice"):
        load_ruleset(main)
