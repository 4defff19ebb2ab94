"""Where the journals of cutovers are kept: one interface, two stores."""
