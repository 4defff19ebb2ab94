"""edgeproxy moves live traffic from an old system to a new one."""
