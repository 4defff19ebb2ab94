"""The rule language: from text with positions to an immutable, compiled ruleset. Pure."""
