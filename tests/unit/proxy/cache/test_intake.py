"""Content on its way: what readers of this worker and of others have of it when it is not kept."""

from __future__ import annotations

from pathlib import Path

from disk_copies import content_of, key_of, opened, stored_of

from edgeproxy.caching.outcomes import NotStored
from edgeproxy.proxy.cache.arriving import Arriving, End
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.intake import Budget, Intake

CONTENT = content_of("wheel", 100_000)
KEY = key_of("/wheel")


def announced(disk: Disk, intake: Intake) -> Arriving:
    assert intake.spool is not None
    disk.announce(KEY, stored_of(CONTENT), intake.spool, 0)
    arriving = disk.announced(KEY.primary)
    assert arriving is not None
    return arriving


async def test_who_reads_along_elsewhere_hears_at_once_that_content_has_grown_too_large(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        intake = Intake(Budget(1_000, 1_000), 50_000, disk.spool)
        intake.write(CONTENT[:40_000])
        arriving = announced(disk, intake)
        assert arriving.poll() == 40_000
        intake.write(CONTENT[40_000:])
        assert (intake.why_not, arriving.poll()) == (NotStored.TOO_LARGE, End.UNKEPT)
        assert arriving.read(0, arriving.size) == CONTENT[:40_000]
        assert disk.announced(KEY.primary) is None
        assert intake.read(0, 40_000) + intake.read(40_000, 60_000) == CONTENT
        intake.close()
        arriving.close()


async def test_who_reads_along_elsewhere_has_all_of_what_is_whole_though_it_is_not_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        intake = Intake(Budget(1_000, 1_000), 1 << 20, disk.spool)
        intake.write(CONTENT)
        arriving = announced(disk, intake)
        intake.finish()
        intake.close()
        assert (arriving.poll(), arriving.read(0, 100_000)) == (End.DONE, CONTENT)
        arriving.close()


async def test_what_breaks_off_has_failed_everywhere(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        intake = Intake(Budget(1_000, 1_000), 1 << 20, disk.spool)
        intake.write(CONTENT)
        arriving = announced(disk, intake)
        intake.close()
        assert arriving.poll() is End.FAILED
        arriving.close()


def test_a_reader_that_waits_for_a_later_part_gets_that_part() -> None:
    """r5: a range far on, of content that is not kept: what came before it was taken for it."""
    intake = Intake(Budget(1_000, 1_000), 1 << 20, None)
    intake.write(CONTENT[:10_000])
    assert intake.why_not is NotStored.TOO_LARGE
    intake.forget_before(50_000)
    assert intake.held == 0
    intake.write(CONTENT[10_000:])
    intake.forget_before(50_000)
    assert intake.read(50_000, 100) == CONTENT[50_000:50_100]
