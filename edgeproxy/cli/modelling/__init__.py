"""The parts of `edgeproxy model`."""
