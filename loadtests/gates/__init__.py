"""How often the gates are wrong, and how long they take: whole steps simulated, looked at all the time.

`python -m loadtests.gates` runs it; rules/GATES.md says what it means, and what was seen.
"""
