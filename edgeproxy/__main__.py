"""`python -m edgeproxy` is the `edgeproxy` command."""

from edgeproxy.cli.main import run

run()
