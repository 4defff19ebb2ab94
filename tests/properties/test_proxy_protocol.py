"""Whatever comes, and however it is cut, a PROXY header is read in one way."""

from hypothesis import given
from hypothesis import strategies as st
from proxy_headers import ssl_tlv, tlv, write_v1, write_v2

from edgeproxy.http.proxy_protocol import BadProxyHeader, ProxyHeader, Source, read_proxy_header

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda address: not address.ipv4_mapped))
PORTS = st.integers(0, 65535)
TLVS = st.lists(
    st.one_of(st.builds(tlv, st.sampled_from([1, 2, 4, 5, 0x30, 0xEE]), st.binary(max_size=20))), max_size=3
)
TLS = st.sampled_from([(None, []), (True, [ssl_tlv(1)]), (False, [ssl_tlv(0)])])
REST = st.binary(max_size=20)


def is_refused(octets):
    try:
        read_proxy_header(octets)
    except BadProxyHeader:
        return True
    return False


def check_cuts(header, rest, expected):
    for cut in range(len(header)):
        assert read_proxy_header(header[:cut]) is None
    assert read_proxy_header(header) == expected
    assert read_proxy_header(header + rest) == expected


@given(ADDRESSES, PORTS, REST)
def test_a_line_is_read_only_when_it_is_whole(address, port, rest):
    header = write_v1(str(address), port)
    check_cuts(header, rest, ProxyHeader(Source(str(address), port), len(header)))


@given(ADDRESSES, PORTS, TLVS, TLS, st.booleans(), REST)
def test_a_block_is_read_only_when_it_is_whole(address, port, tlvs, tls, checked, rest):
    is_tls, ssl = tls
    header = write_v2(str(address), port, tlvs + ssl, checked=checked)
    check_cuts(header, rest, ProxyHeader(Source(str(address), port), len(header), is_tls))


@given(
    st.one_of(ADDRESSES.map(lambda address: write_v1(str(address), 80)), ADDRESSES.map(lambda a: write_v2(str(a), 80))),
    st.data(),
)
def test_a_damaged_header_is_read_or_refused_but_never_both(header, data):
    place = data.draw(st.integers(0, len(header) - 1))
    damaged = header[:place] + data.draw(st.binary(min_size=1, max_size=2)) + header[place + 1 :]
    verdicts = [
        None if is_refused(damaged[:cut]) else read_proxy_header(damaged[:cut]) or () for cut in range(len(damaged) + 1)
    ]
    # more octets are needed, then one verdict for good
    first = next((cut for cut, verdict in enumerate(verdicts) if verdict != ()), len(verdicts))
    assert all(verdict == verdicts[first] for verdict in verdicts[first:])


@given(st.binary(max_size=60), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n!\x11\0"]))
def test_no_octets_are_an_unforeseen_error(octets, beginning):
    is_refused(beginning + octets)


@given(st.binary(min_size=108, max_size=200))
def test_a_line_has_an_end_within_its_bound(octets):
    assert is_refused(b"PROXY UNKNOWN " + octets.replace(b"\r", b""))
