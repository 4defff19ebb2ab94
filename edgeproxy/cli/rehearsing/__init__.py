"""What `edgeproxy rehearse` does: every rule walked on the live backends, hop by hop, cold.

walk       Start, Course, Step, Ending, Walk: the values
walking    one walk, as a generator that asks for answers: by the edge's own plans
starts     where walks begin: the cases of `expect`, known paths, made-up ones, moments, variants
captured   the requests of a capture, by shape
calls      their bodies: what they call, and that none holds a secret
courses    a start walked by every arm, and with each backend that has a fallback taken to fail
wire       the live backends are asked: by the edge's own pools, within bounds
findings   from walks to problems
unwalked   rules of which nothing real was walked
held       redirects that clients may hold from the rehearsals before
report     what became of all, for people and for programs
"""
