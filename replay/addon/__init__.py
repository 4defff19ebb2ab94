"""mitmproxy's part: an addon that records what passes through it, and can send it on to an edge.

mitmproxy has pins of its own, which an edge's environment does not always fit; so the addon imports of this project
only what needs no more than the standard library and zstandard, and runs in mitmproxy's environment or in a shared one.
"""
