"""The edge beside other proxies: CPU time per request, one worker each, same origin, same load.

`python -m loadtests.bench` runs it; loadtests/README.md says what each figure means and what is not measured.
"""
