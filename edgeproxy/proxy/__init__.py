"""The shell of the data plane: sockets, time and order of events around the pure decisions."""
