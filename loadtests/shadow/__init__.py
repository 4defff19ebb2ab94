"""What shadows cost an edge's clients, whatever the shadows' backend does.

`python -m loadtests.shadow` runs it; loadtests/README.md says what the figures mean.
"""
