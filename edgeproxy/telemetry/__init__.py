"""What the edge tells about itself."""
