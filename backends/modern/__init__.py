"""The new site: simple API in HTML and JSON, JSON API, project pages and uploads.

Laws of this package:
- a view is a plain function from a visit to an answer; only `app` and `upload` know that there is a network;
- every file's URL is on the content host, never on this one;
- no cookie is set or read, no script is served.
"""
