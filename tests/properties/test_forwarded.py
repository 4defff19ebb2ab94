"""Whatever a client claims about itself, it is an address that a trusted proxy wrote, or the peer's."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.forwarded import TrustedProxies, forwarding_lines

TRUSTED = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
PROXIES = st.one_of(st.ip_addresses(network="10.0.0.0/8"), st.ip_addresses(network="fd00::/8")).map(str)
CLIENTS = st.one_of(st.ip_addresses(network="203.0.113.0/24"), st.ip_addresses(network="2001:db8::/32")).map(str)
LIES = st.one_of(
    st.text(max_size=30), st.lists(st.one_of(PROXIES, CLIENTS, st.just("unknown")), max_size=5).map(",".join)
)
SPACE = st.sampled_from(["", " ", "\t ", "  "])


@given(LIES, CLIENTS, st.lists(PROXIES, max_size=6), PROXIES, SPACE)
def test_a_client_is_found_behind_any_proxies_whatever_it_claims(lie, client, proxies, peer, space):
    chain = f"{space},{space}".join([*([lie] if lie else []), client, *proxies])
    assert TRUSTED.client_of(peer, chain) == client


@given(LIES, CLIENTS)
def test_a_client_without_a_proxy_is_itself_whatever_it_claims(lie, client):
    assert TRUSTED.client_of(client, lie) == client
    assert TRUSTED.chain_of(client, lie) == ""
    assert TRUSTED.scheme_of(client, "https", "http") == "http"


@given(LIES, PROXIES)
def test_a_client_is_an_address_in_its_one_spelling(lie, peer):
    client = TRUSTED.client_of(peer, lie)
    assert str(ip_address(client)) == client


@given(LIES, st.one_of(CLIENTS, PROXIES))
def test_no_claim_breaks_the_lines(lie, peer):
    lines = forwarding_lines(lie, peer, "pypi.test", "https", 1)
    assert lines.count(b"\r\n") == 5
    assert lines.count(b"\n") == lines.count(b"\r") == 5
    hops = lines.split(b"\r\n")[0].decode().removeprefix("X-Forwarded-For: ").split(", ")
    for hop in hops:
        assert hop == "unknown" or str(ip_address(hop)) == hop
    assert hops[-1] == peer
    assert lines.count(b"for=") == len(hops)
    # a second edge reads what the first wrote as it was meant
    if TRUSTED.is_trusted(peer):
        assert TRUSTED.client_of("10.9.9.9", ", ".join(hops)) == TRUSTED.client_of(peer, lie)
