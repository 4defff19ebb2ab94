"""The checker of rulesets (design §4). Pure. What it finds, and what to do: FINDINGS.md.

check        check_ruleset(ruleset, after) -> Report; the table of families
severity     what weighs how much
asked        Asked: one concrete request
facets       Facets: everything of a request but its path, made finite; Box
spaces       Space, Requests: sets of requests
territory    Territory: what a rule's own match takes
ground       Ground: a ruleset's territories, and who of them could take what
getting      what a rule really gets, and whom it asks

reach        dead rules, hosts without rules, gaps
loops        redirects that lead back (hops, held, passages, graph, settling, walks, simulate)
direction    redirects that turn round
content      hosts for user content, and others (isolation, leaks)
repeats      shadow, cache, fallback and redirects of what is not safe
drift        what backends read and rules take away (asked_paths)
binding      rewrites that several backends get
expectations the cases of `expect`
"""
