"""Content hosts that share their site with an app host, and so must answer as if they did not.

Law: what is of one site shares cookies with a Domain and passes as same-site (RFC 6265bis §5.2). A document with
Content-Security-Policy: sandbox, without allow-same-origin, has an origin of its own, and so none of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.facets import Dimension
from edgeproxy.ruleset.checker.getting import first_got, shown, undecided
from edgeproxy.ruleset.checker.ground import Ground
from edgeproxy.ruleset.checker.sites import site_of
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import Files, Forward, Rule
from edgeproxy.ruleset.origins import Host, HostKind
from edgeproxy.ruleset.problems import Code, Problem, Related

_POLICY: Final = "content-security-policy"


def isolation(ground: Ground) -> Iterator[Problem]:
    hosts = ground.ruleset.hosts
    apps = {site: (host, name) for host in hosts if host.kind is HostKind.APP for site, name in _sites(host).items()}
    for host in hosts:
        if host.kind is HostKind.CONTENT:
            shared = next(((site, name) for site, name in _sites(host).items() if site in apps), None)
            if shared is not None:
                site, name = shared
                app, app_name = apps[site]
                yield _same_site(host, name, app, app_name, site)
                yield from _open_rules(ground, host, app)


def _sites(host: Host) -> Mapping[str, str]:
    """The sites of a host's names, each with its first name."""
    sites: dict[str, str] = {}
    for name in host.names:
        site = site_of(name)
        if site is not None:
            sites.setdefault(site, name)
    return sites


def _same_site(host: Host, name: str, app: Host, app_name: str, site: str) -> Problem:
    return Problem(
        Code.CONTENT_SAME_SITE,
        host.place,
        f"the content host {name} is of one site with the app host {app_name}",
        f"both are of {site}: they share cookies that have it as Domain, and SameSite does not part them.",
        "give user content a registrable domain of its own; until then each answer must be isolated.",
        Related(app.place, "this host is an app's"),
    )


def _open_rules(ground: Ground, host: Host, app: Host) -> Iterator[Problem]:
    for territory in ground.territories.values():
        rule = territory.rule
        if host in rule.match.hosts and isinstance(rule.action, Forward | Files) and not is_isolated(rule):
            try:
                yield from _open(ground, territory, host, app)
            except Unsupported as error:
                yield undecided(rule, f"the rule {rule.name!r} answers for {host.name!r}", error)


def _open(ground: Ground, territory: Territory, host: Host, app: Host) -> Iterator[Problem]:
    rule = territory.rule
    found = first_got(ground, territory, {Dimension.HOST: ground.facets.of_hosts((host,))})
    if found is not None:
        yield Problem(
            Code.CONTENT_NOT_ISOLATED,
            rule.place,
            f"the rule {rule.name!r} serves what users uploaded, not isolated, on a site that an app host shares",
            "a page among the uploads is same-site with the application, and sets cookies that the application reads.",
            "add rewrite: {answer_headers: {Content-Security-Policy: sandbox}}, or give content a domain of its own.",
            Related(app.place, "this app host is of the same site"),
            evidence=shown(ground, found),
        )


def is_isolated(rule: Rule) -> bool:
    """Whether a rule's answers have an origin of their own in a browser."""
    for name, value in rule.modifiers.rewrite.answer_headers:
        if name.lower() == _POLICY and value is not None:
            directives = [each.lower().split() for each in value.split(";")]
            return any(words[:1] == ["sandbox"] and "allow-same-origin" not in words for words in directives)
    return False
