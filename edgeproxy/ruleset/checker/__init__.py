"""The checker of rulesets (design §4). Pure.

check      check_ruleset(ruleset, after) -> Report; the table of families
severity   how much a finding weighs
checking   Checking: what a family is given; Said: what it gives back
asked      Asked: one concrete request
facets     Facets: everything of a request but its path, made finite (values, moments, clients, literals)
boxes      Box: a set of requests by facets alone
spaces     Space, Requests: boxes with languages of paths
territory  Territory: what a rule's own match takes (groups: those of a path's regular expression)
ground     Ground: a ruleset's territories, and who could take what
search     a request that some territories leave over
reach      dead rules (covering: by which others), hosts without rules, gaps
hops       Lead: a way to be redirected (held: how long a client keeps it; targets: where it can lead to)
simulate   Simulator: one hop after another, by the edge's own functions (walks: the loops that it is led into)
passages   leads on sets of requests (channels: their boxes)
graph      which lead may lead to which (map_pairs: those of a long map)
settling   the proof that a cycle of leads ends (orbits: of exact paths; potentials: by what shrinks)
loops      find_loops(ruleset, after) -> LoopVerdict (circumstances, remedies: what is said of a loop)
chains     redirects to what is redirected again, and from https to http (sources: paths that lead there)
"""
