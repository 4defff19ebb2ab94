"""Entity-tags (RFC 9110 §8.8.3)."""

import pytest

from edgeproxy.http.etags import EntityTag, is_strong_match, is_weak_match, parse_entity_tag, parse_entity_tags

STRONG_1, STRONG_2 = EntityTag("1"), EntityTag("2")
WEAK_1, WEAK_2 = EntityTag("1", weak=True), EntityTag("2", weak=True)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ('"xyzzy"', EntityTag("xyzzy")),
        ('W/"xyzzy"', EntityTag("xyzzy", weak=True)),
        ('""', EntityTag("")),
        ('"a,b"', EntityTag("a,b")),
        ('"a\\"', EntityTag("a\\")),  # a backslash escapes nothing
        ('"caf\xe9"', EntityTag("caf\xe9")),  # obs-text
    ],
)
def test_a_tag_is_read_and_written_alike(text, tag):
    assert parse_entity_tag(text) == tag
    assert str(tag) == text


@pytest.mark.parametrize(
    "text", ["", "xyzzy", '"', '"a', 'w/"a"', "W/a", 'W/ "a"', '"a b"', '"a"b"', "'a'", '"a" ', "*"]
)
def test_what_is_not_a_tag_is_none(text):
    assert parse_entity_tag(text) is None


@pytest.mark.parametrize(
    ("field", "tags"),
    [
        ('"1"', (STRONG_1,)),
        ('"1", W/"2"', (STRONG_1, WEAK_2)),
        ('"1","2"', (STRONG_1, STRONG_2)),
        ('"1" \t,\t "2"', (STRONG_1, STRONG_2)),
        ('"1,2", "2"', (EntityTag("1,2"), STRONG_2)),
        (', "1",, ,"2",', (STRONG_1, STRONG_2)),  # §5.6.1.2: empty members are skipped
        ("", ()),
        (",", ()),
    ],
)
def test_a_list_of_tags_is_read(field, tags):
    assert parse_entity_tags(field) == tags


@pytest.mark.parametrize("field", ['"1", 2', '"1" "2"', '"1"; "2"', '"1", "', '*, "1"', "1", 'w/"1"', '"1", "a b"'])
def test_a_malformed_list_holds_no_tags(field):
    assert parse_entity_tags(field) == ()


@pytest.mark.parametrize(
    ("one", "other", "strong", "weak"),
    [  # the table of §8.8.3.2
        (WEAK_1, WEAK_1, False, True),
        (WEAK_1, WEAK_2, False, False),
        (WEAK_1, STRONG_1, False, True),
        (STRONG_1, WEAK_1, False, True),
        (STRONG_1, STRONG_1, True, True),
        (STRONG_1, STRONG_2, False, False),
    ],
)
def test_tags_are_compared_in_two_ways(one, other, strong, weak):
    assert is_strong_match(one, other) is strong
    assert is_weak_match(one, other) is weak
