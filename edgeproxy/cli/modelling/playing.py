"""`edgeproxy model play`: traffic drawn from a model, sent in open loop."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from random import Random

from edgeproxy.cli.modelling.fitting import read_model
from edgeproxy.cli.modelling.naming import names_of
from edgeproxy.cli.output import printable, say
from edgeproxy.cli.replaying.arguments import RECORDING, WrongUsage, check, target_of
from edgeproxy.cli.replaying.running import Targets, sent
from replay.comparing.kinds import Kinds
from replay.model.catalogue import Catalogue
from replay.model.model import Model
from replay.model.planning import Planner
from replay.planned import Planned
from replay.report.as_json import as_json
from replay.report.facts import Made, Read
from replay.report.page import as_page
from replay.report.text import as_text
from replay.sending.target import Target

_DONE = 0
_FAILED = 1
_NOTHING = 2


def play_model(args: Namespace) -> int:
    """Exit status: 0 all was sent and answered, and nothing written; 1 not so; 2 nothing can be asked for."""
    check(args)
    if args.against == RECORDING:
        raise WrongUsage("--against recording: there is none; say the URL of another target")
    against = target_of(args, args.against) if isinstance(args.against, Target) else None
    targets = Targets(target_of(args, args.to), against, Kinds.of(None, args.compare, args.ignore), lambda _: False)
    model = read_model(args.model)
    by_tls = any(each is not None and each.tls is not None for each in (targets.to, targets.against))
    planner = Planner(names_of(args), by_tls=by_tls)
    for route in planner.lacking(model):
        print(f"left out: {printable(route.name)}: there are no names for it ({route.share:.1%})", file=sys.stderr)
    planned = planned_of(model, planner, args)
    if args.dry_run:
        return _count(planned)
    report = sent(args, planned, _nothing_read(args), _pace(model, args), targets)
    report.made = Made(tuple(_told(model, planner.catalogue, args)), planner.left_out)
    report.read.chosen = report.sides[0].outcome.intended
    report.read.seen = report.read.chosen + planner.left_out.total()
    if not report.sides[0].outcome.intended:
        print("edgeproxy model: nothing can be asked for: --names has none of what the model asks for", file=sys.stderr)
        return _NOTHING
    say("\n".join(map(printable, as_text(report))))
    if args.json is not None:
        args.json.write_text(json.dumps(as_json(report), indent=1) + "\n")
    if args.html is not None:
        args.html.write_text(as_page(report), encoding="utf-8")
    return _FAILED if report.troubles else _DONE


def planned_of(model: Model, planner: Planner, args: Namespace) -> Iterator[Planned]:
    more = 1.0 if args.rate is None else args.rate / model.rate
    played = planner.planned(model, Random(args.seed), model.arrivals.scaled(more, args.speed), args.speed)
    return takewhile(lambda each: each.at < args.longest, played)


def _nothing_read(args: Namespace) -> Read:
    """A report tells first of what was recorded, and here nothing was."""
    return Read([str(args.model), args.names], 0, 0, 0, None, None, {}, {}, 0, "a model of what was declared safe")


def _pace(model: Model, args: Namespace) -> str:
    how = f"×{args.speed:g}" if args.rate is None else f"{args.rate:g} a second, by more clients or fewer"
    return f"as the model's sessions come ({model.rate:.3g} requests a second), {how}; seed {args.seed}"


def _told(model: Model, catalogue: Catalogue, args: Namespace) -> Iterator[str]:
    files = sum(len(project.files or ()) for project in catalogue.projects)
    yield f"{args.model}: of {model.about.requests:,} requests, shared by {model.about.shared_by}"
    yield f"{args.names}: {len(catalogue.projects):,} projects with {files:,} files, {len(catalogue.urls):,} URLs"


def _count(planned: Iterator[Planned]) -> int:
    labels: Counter[str] = Counter()
    for each in planned:
        labels[each.label] += 1
    for label, number in labels.most_common():
        say(f"{number:>9,}  {printable(label)}")
    say(f"{labels.total():>9,}  requests would be sent")
    return _DONE if labels else _NOTHING
