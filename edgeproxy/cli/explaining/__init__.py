"""What `edgeproxy explain` tells.

request      Request: what is known of the request
explanation  Explanation: all that is told, as values
gather       from a ruleset and a request to an Explanation
terms        what the rule says beside its action: cache, safety, time
files        what its cache does over a directory
walk         what a client that follows redirects gets next
text         for people
json         for programs
"""
