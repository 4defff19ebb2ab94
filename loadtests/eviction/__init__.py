"""Which answers to keep: S3-FIFO, as the edge has it, beside other policies, on traces that are made.

`python -m loadtests.eviction` runs it; loadtests/README.md says what is asked for, and what was seen.
"""
