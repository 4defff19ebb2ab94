"""`POST /legacy/`: a file and what is said of it become part of the store, or are refused for a stated reason.

`receiving` streams the form to disk, `form` reads its fields, `judging` decides, `publishing` acts. Every refusal
is the status and the message that uploaders print; the order of the checks is part of the interface.
"""
