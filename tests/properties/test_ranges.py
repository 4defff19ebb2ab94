"""Ranges give the octets that Python's slices give, each once, in bounded pieces."""

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.ranges import MOST_RANGES, UNSATISFIABLE, WHOLE, Satisfiable, parse_range

SIZES = st.integers(1, 300)
POSITIONS = st.integers(0, 400)
INT_RANGES = st.one_of(
    st.tuples(POSITIONS, POSITIONS).map(lambda pair: (min(pair), max(pair))),
    st.tuples(POSITIONS, st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])),  # some that stay apart
)
SPECS = st.one_of(
    INT_RANGES.map(lambda pair: (f"{pair[0]}-{pair[1]}", slice(pair[0], pair[1] + 1))),
    POSITIONS.map(lambda first: (f"{first}-", slice(first, None))),
    st.integers(1, 400).map(lambda length: (f"-{length}", slice(-length, None))),
)


@given(SIZES, SPECS)
def test_one_range_is_one_slice(size, spec):
    text, piece = spec
    wanted = range(size)[piece]
    ranges = parse_range(f"bytes={text}", size)
    if not wanted:
        assert ranges == UNSATISFIABLE
        return
    assert isinstance(ranges, Satisfiable)
    (span,) = ranges.spans
    assert range(span.offset, span.offset + span.length) == wanted


@given(SIZES, st.lists(SPECS, min_size=1, max_size=30))
def test_several_ranges_are_the_union_of_slices_without_repetition(size, specs):
    wanted = {octet for _, piece in specs for octet in range(size)[piece]}
    ranges = parse_range("bytes=" + ", ".join(text for text, _ in specs), size)
    match ranges:
        case Satisfiable(spans=spans):
            octets = [octet for span in spans for octet in range(span.offset, span.offset + span.length)]
            assert len(octets) == len(set(octets))
            assert set(octets) == wanted
            assert len(spans) <= MOST_RANGES
        case _:
            runs = sum(1 for octet in wanted if octet + 1 not in wanted)
            assert ranges == (WHOLE if runs > MOST_RANGES else UNSATISFIABLE)
            assert (not wanted) == (ranges == UNSATISFIABLE)


@given(SIZES, st.lists(SPECS, min_size=1, max_size=12))
def test_pieces_stand_in_the_order_in_which_they_were_first_asked_for(size, specs):
    ranges = parse_range("bytes=" + ",".join(text for text, _ in specs), size)
    if isinstance(ranges, Satisfiable):
        wanted = [range(size)[piece] for _, piece in specs]
        first_asked = [
            next(
                place
                for place, octets in enumerate(wanted)
                if octets and span.offset <= octets[0] < span.offset + span.length
            )
            for span in ranges.spans
        ]
        assert first_asked == sorted(first_asked)


@given(st.text(max_size=60), st.integers(0, 10**20))
def test_whatever_the_field_holds_it_is_read_without_an_error(text, size):
    parse_range(text, size)
    parse_range(f"bytes={text}", size)
