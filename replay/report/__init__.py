"""What a run came to, as text, as JSON, and as one page that needs nothing else."""
