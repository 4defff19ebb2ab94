"""Who is moved, and when: places, arms. Pure: no clock, no chance, no sockets."""
