"""Reading and writing captures, the edge's own and what others write."""
