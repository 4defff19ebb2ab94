"""The checker of rulesets. Pure. What it finds, and what to do: FINDINGS.md.

check        check_ruleset(ruleset, after) -> Report; the table of families
severity     which findings keep the edge from starting, or fail a check
checking     Checking: what a family is given; Said: what it gives back
asked        Asked: one concrete request
facets       Facets: everything of a request but its path, made finite (values, moments, clients, literals)
boxes        Box: a set of requests by facets alone
spaces       Space, Requests: boxes with languages of paths
territory    Territory: what a rule's own match takes (groups: those of a path's regular expression)
ground       Ground: a ruleset's territories, and who could take what
search       a request that some territories leave over
getting      what a rule really gets, and whom it asks

reach        dead rules (covering: by which others), hosts without rules, gaps
loops        redirects that lead back (hops, held, passages, graph, settling, walks, simulate)
chains       redirects that could be fewer, or leave https
direction    redirects that turn round
content      hosts for user content, and others (isolation, leaks)
repeats      shadow, cache, fallback and redirects of what is not safe
keeping      caches that keep what they should not, or nothing
drift        what backends read and rules take away (asked_paths)
binding      rewrites that several backends get
expectations the cases of `expect`
"""
