"""What a shared cache decides (RFC 9111), by rule and by the answers' own word. Pure: `now` is a parameter."""
