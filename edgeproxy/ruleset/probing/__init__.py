"""What live backends really redirect, beside what is declared of them: `edgeproxy check --probe`. Pure.

question      Question: what a backend is asked; Answer: what it said
witnesses     paths that are known or made up, and the values of captures in them
asking        the questions for a ruleset, the declared redirects' first
judging       whether an answer is what was declared
generalising  redirects that nobody declared, as declarations to paste
findings      from questions and answers to problems and a verdict
"""
