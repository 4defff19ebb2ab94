"""How soon a command of a cutover is in force, as clients see it: at the edge that was told, and at another one."""
