"""What is known of a name never outlives its bounds, whatever the name servers do."""

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.proxy.resolve import CannotResolve, Found, Resolved, ResolveLimits, learn

LIMITS = ResolveLimits(least=1.0, most=300.0, untimed=30.0, recheck=30.0, stale=3600.0)
FOUND = st.builds(Found, st.just(("127.0.0.1",)), st.one_of(st.none(), st.integers(0, 2**31 - 1)))
FAILED = st.builds(CannotResolve, st.just("backend.test"), st.just("it failed"), st.booleans())


@given(st.lists(st.tuples(st.one_of(FOUND, FAILED), st.integers(0, 2000)), max_size=60))
def test_no_address_outlives_its_bounds(story):
    """Look-ups come when they are due, or later; `asked` is when addresses were last found."""
    known, now, asked = None, 0.0, None
    for outcome, late in story:
        now += late
        known = learn(known, outcome, now, LIMITS)
        assert now < known.again <= now + LIMITS.most
        match outcome, known.outcome:
            case Found(), Resolved() as resolved:
                asked = now
                assert not resolved.is_stale
            case CannotResolve(is_temporary=is_temporary), Resolved() as resolved:
                assert is_temporary
                assert resolved.is_stale
                assert asked is not None
                assert resolved.expires <= asked + LIMITS.most + LIMITS.stale
            case CannotResolve(), CannotResolve():
                asked = None if not outcome.is_temporary else asked
            case _:
                raise AssertionError("what was found is served")
        now = known.again


@given(st.integers(0, 2**31 - 1))
def test_a_lifetime_is_the_ttl_within_its_bounds(ttl):
    known = learn(None, Found(("127.0.0.1",), ttl), 100.0, LIMITS)
    assert known.again - 100.0 == min(max(ttl, 1), 300)
