"""Shadows: copies of safe requests that another backend is asked, so that its answers can be compared to the old ones.

A client's exchange is only listened to: what the client gets, and when, never depends on a shadow.

shadow_plan      whether a request has one, and what is asked: pure
hearing          what came of one answer, held or hashed, within bounds
original         a request that will be shadowed, and its own answer as it passes
overhearing      exchanges, and fetches of the cache, that let it be heard
inquiry          one side asked, for the sake of a comparison
shadowing        one shadow, from the queue until it is handed on
shadower         a worker's shadows: who is shadowed, who waits, who is asked
"""
