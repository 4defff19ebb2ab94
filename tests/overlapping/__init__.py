"""The shared cache under requests that overlap: programs, how they are played, what was seen, and what is allowed."""
