"""Where answers are kept, and how they come there: the shell around the decisions of `edgeproxy/caching`."""
