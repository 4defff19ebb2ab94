"""Answers of a replay compared: with those of another target, or with what was recorded.

Of two targets both answers go to a spool on disk, which a process beside reads (`worker`): comparing two pages takes
milliseconds, and no request is late for that. A recording has only sizes and digests: that is looked at at once.
"""
