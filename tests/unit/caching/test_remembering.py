"""What was read once is not read again, unless it is long."""

from edgeproxy.caching.remembering import LONGEST, remembered


def test_a_short_field_is_read_once_and_a_long_one_each_time():
    read = []

    @remembered
    def size(field: str) -> int:
        read.append(field)
        return len(field)

    short, long = "a" * LONGEST, "b" * (LONGEST + 1)
    assert [size(short), size(short), size(long), size(long)] == [LONGEST, LONGEST, LONGEST + 1, LONGEST + 1]
    assert read == [short, long, long]
