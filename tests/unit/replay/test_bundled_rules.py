"""What the rules that come along say of the old site's actions: a GET that may write is never sent again."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.ruleset.load import load_ruleset
from edgeproxy.ruleset.model import Ruleset
from replay.schedule.choosing import ByRules

RULES = Path(__file__).parents[3] / "rules"
BEFORE_THE_MOVE = ("demo/1-legacy-only", "demo/2-split-simple", "pypi/1-uploads-moved", "pypi/2-load-tests")
READS = ("display", "json", "doap", "files", "rss", "packages_rss", "list_classifiers", "search", "browse", "show_md5")
WRITES = (
    "purge",
    "remove_pkg",
    "delete_user",
    "addkey",
    "role",
    "pw_reset_change",
    "rss_regen",
    "user",
    "never_heard_of",
)


@pytest.fixture(scope="module", params=BEFORE_THE_MOVE)
def rules(request: pytest.FixtureRequest) -> Ruleset:
    return load_ruleset(RULES / f"{request.param}.yaml")


def safety(rules: Ruleset, target: str, method: str = "GET", scheme: str = "http") -> SafetyClass:
    return ByRules(rules)(Captured(1.0, method, f"{scheme}://legacy.pypi.test{target}")).safety


@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("name", BEFORE_THE_MOVE[:2])
def test_an_action_that_reads_may_be_sent_again_under_the_rules_of_the_demo(name: str, action: str) -> None:
    """Those of the story know no action that is safe: what they take apart has a price in their proof."""
    assert safety(load_ruleset(RULES / f"{name}.yaml"), f"/pypi?:action={action}&name=six") is SafetyClass.SAFE


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize(
    "target",
    [
        "/pypi?:action={}&project=six",
        "/pypi?%3Aaction={}",
        "/pypi?%3aaction={}",
        "/?project=six&:action={}",
        "/pypi/six/1.17.0/{}",
        "/pypi/six//{}",
        "/pypi?:action={}&:action=rss",
        "/pypi/six/json?:action={}",
        "/Simple/six/?:action={}",
    ],
)
def test_any_other_may_write(rules: Ruleset, target: str, action: str) -> None:
    """Over http, too: most logs name no scheme, and are sent to the site itself, which does not redirect."""
    for method in ("GET", "HEAD", "POST"):
        for scheme in ("http", "https"):
            assert safety(rules, target.format(action), method, scheme) is not SafetyClass.SAFE
