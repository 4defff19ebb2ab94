"""Fills a store with the wheels and sdists of directories."""

from backends.seed.seeding import Tally, seed, seed_directory

__all__ = ["Tally", "seed", "seed_directory"]
