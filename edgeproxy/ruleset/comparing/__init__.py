"""What a change of rules changes: `edgeproxy diff`. Pure.

outcome      Outcome: what a ruleset does with one request, aspect by aspect
terms        what a rule does with every request that it takes
spelling     whether two rules make the same text of the same path
pairs        which rules, one of each ruleset, could take the same request: twins and rivals
change       Change, Undecided: what is found
nobody       what no rule takes, before and after
settling     whether such a pair changes anything: a request that shows it, or the proof that there is none
compare      compare(old, new) -> Comparison, without a capture
declarations what backends, splits and cutovers are, before and after
records      the records of a capture
weighing     what becomes of a capture's requests, by hits and kind of client
"""
