"""Memory of a process tree out of the text of /proc."""

import os

from loadtests.bench.memory import Memory, memory_of, parse_rollup, sum_of

ROLLUP = """55e6a3c00000-7ffd4a5f2000 ---p 00000000 00:00 0                          [rollup]
Rss:               35012 kB
Pss:               20480 kB
Pss_Dirty:         17980 kB
Shared_Clean:      10012 kB
Private_Dirty:     18000 kB
"""


def test_both_sizes_are_octets() -> None:
    assert parse_rollup(ROLLUP) == Memory(proportional=20_480 * 1024, resident=35_012 * 1024)


def test_a_tree_is_the_sum_of_its_processes() -> None:
    assert sum_of([Memory(1, 20), Memory(300, 4000)]) == Memory(301, 4020)


def test_a_running_process_has_memory_and_no_more_in_proportion_than_resident() -> None:
    memory = memory_of(os.getpid())
    assert 0 < memory.proportional <= memory.resident
