"""The rulesets that cases are run under."""

from __future__ import annotations

_TOP = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts:
  app: {names: [pypi.test, "127.0.0.1", "[::1]"]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  origin: {url: "http://127.0.0.1:PORT", host: origin.pypi.test, timeouts: {connect: 1s, head: 1s, between: 1s}}
rules:
"""
_ALL = '  - {name: all, match: {host: [app, content], path: "/{rest*}"}, forward: {backend: origin}}\n'

RULES = {
    "pass": _TOP + _ALL,
    "own": _TOP
    + '  - {name: moved, match: {host: app, path: "/moved"}, redirect: {to: "http://pypi.test/", status: 301}}\n'
    + '  - {name: said, match: {host: app, path: "/said"}, respond: {status: 200, body: "said"}}\n'
    + '  - {name: files, match: {host: app, path: "/files/{file}"}, files: {directory: ., path: "/{file}"}}\n'
    + _ALL,
    "upgrade": _TOP
    + '  - {name: socket, match: {host: app, path: "/case"}, forward: {backend: origin}, upgrade: [websocket]}\n'
    + _ALL,
}


def rules_for(name: str, port: int) -> str:
    return RULES[name].replace("PORT", str(port))
