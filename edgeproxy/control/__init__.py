"""Starting, watching and ending the edge."""
