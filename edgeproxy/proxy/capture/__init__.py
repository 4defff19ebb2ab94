"""The capture tap: how exchanges of chosen connections are recorded while the edge serves."""
