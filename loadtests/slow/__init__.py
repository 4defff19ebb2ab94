"""Slow clients against the edge: what a thousand of them do to everybody else.

`python -m loadtests.slow` runs it; loadtests/README.md says what the figures mean.
"""
