"""The rule language: from text with positions to an immutable, compiled ruleset. Pure: no clock, no chance, no sockets."""
