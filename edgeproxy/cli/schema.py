"""`edgeproxy schema`: the JSON Schema of the rule language."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from edgeproxy.cli.output import say
from edgeproxy.ruleset.schema import json_schema

NAME = "schema"
HELP = "print the JSON Schema (2020-12) of rule files, for editors"


def add_arguments(parser: ArgumentParser) -> None:
    """It takes none."""


def execute(_: Namespace) -> int:
    say(json.dumps(json_schema(), indent=2))
    return 0
