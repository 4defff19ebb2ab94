"""What wrote to the old site until uploads moved to a host of their own: `:action=file_upload`, `submit` and the like.

`view` reads who writes and acts in a thread of its own, with a store of its own; a module for each kind of write says
what is checked, in the order and the words that the tools of the time relied on. What is not taken changes nothing.
"""
