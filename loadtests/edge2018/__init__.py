"""The load that PyPI's edge carried in April 2018, on this machine: 2,623 requests a second, open-loop.

`python -m loadtests.edge2018` runs it; loadtests/README.md says what it is made of and what each figure means.
"""
