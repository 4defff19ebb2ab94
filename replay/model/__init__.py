"""Look-alikes: a model of traffic, fitted to captures, that holds nothing of what was recorded; traffic drawn from
it; and how far the one is like the other.

Chance and time are arguments: nothing here reads a clock, rolls dice of its own or opens a socket.
"""
