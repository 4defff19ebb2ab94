"""The parts of `edgeproxy replay`."""
