"""Whether the new arm may have more: what both arms did in a step, judged while it goes on. trial.py is the way in."""
