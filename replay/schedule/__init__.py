"""Of captures, what is sent, to whom it is said, and when: plain functions; time and chance are arguments.

chosen = choose(record, by, rewriting)               # Planned at the recorded time, or Refused
planned = schedule(sorted_by_time, AsRecorded(speed=10), loops=1)
"""
