"""What stood behind the content host for old URLs, such as `/packages/source/F/Flask/Flask-1.0.tar.gz`.

And for what projects had uploaded as their documentation, which is a tree of files. It reads no index: it asks the JSON
API of whichever site it is told of, as any client does.
"""
