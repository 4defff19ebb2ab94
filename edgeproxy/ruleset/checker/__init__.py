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
"""
