"""What both sites do with an upload: read its form as it arrives, read its fields, say whose pages it changed.

What is refused, in which order and in which words, is each site's own.
"""
