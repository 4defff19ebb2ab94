"""The checker of rulesets (design §4). Pure.

check      check_ruleset(ruleset, after) -> Report; the table of families
asked      Asked: one concrete request
facets     Facets: everything of a request but its path, made finite; Box
spaces     Space, Requests: sets of requests
territory  Territory: what a rule's own match takes
index      Ground: a ruleset's territories, and who of them could take what
reach      dead rules, hosts without rules, gaps
"""
