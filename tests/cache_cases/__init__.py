"""The cache's cases: what must follow when these requests meet these answers at these times (README.md here)."""
