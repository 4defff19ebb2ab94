"""An index of any size for load work, with PyPI's skew of popularity, releases and sizes.

The same seed gives the same index, to the byte. Every file is one that pip and uv install.
"""

from backends.generate.generating import Plan, Tally, generate

__all__ = ["Plan", "Tally", "generate"]
