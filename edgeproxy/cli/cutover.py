"""`edgeproxy cutover VERB NAME`: move clients from the old side to the new one, and back."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from edgeproxy.cli.arguments import add_format, person
from edgeproxy.cli.output import printable, printable_lines, say
from edgeproxy.cli.running_edge import add_control, asked
from edgeproxy.control.moving import VERBS
from edgeproxy.migration.gates.evidence import Evidence, Verdict
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.quantities import read_percentage, written_duration, written_share

NAME = "cutover"
HELP = "move clients of a running edge from the old side to the new one, step by step, and back in one command"

_HELPS: Final = {
    "start": "begin: nobody is moved yet",
    "step": "take the next declared step",
    "pause": "take no step until it is resumed",
    "resume": "go on: the hold of this step begins anew",
    "set": "put any percentage in force",
    "rollback": "everybody to the old side, now, from wherever it is",
    "finish": "everybody stays on the new side",
    "abort": "call it off before anybody is moved",
}


def add_arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        one = verbs.add_parser(verb, help=_HELPS[verb], description=_HELPS[verb])
        one.add_argument("cutover", metavar="NAME", help="as the rules call it")
        if verb == "set":
            one.add_argument("share", type=_share, metavar="PERCENT", help="of clients on the new side")
        if verb in ("step", "finish"):
            one.add_argument("--force", action="store_true", help="though the hold of this step is not over")
        one.add_argument("--why", required=True, metavar="TEXT", help="the journal keeps it")
        one.add_argument("--who", default=person(), metavar="TEXT", help=f"({person()})")
        add_control(one)
    status = verbs.add_parser("status", help="how far they are", description="how far they are")
    status.add_argument("cutover", nargs="?", default="", metavar="NAME", help="one, with its journal")
    add_format(status)
    add_control(status)


def execute(args: Namespace) -> int:
    """Exit status: 0 done, 1 refused, or nobody answers, 2 wrong usage."""
    words: dict[str, object] = {"do": "cutover", "verb": args.verb, "cutover": args.cutover}
    if args.verb != "status":
        words |= {"who": args.who, "why": args.why, "force": getattr(args, "force", False)}
    if args.verb == "set":
        words["share"] = args.share
    answer = asked(args, NAME, words, refused=1)
    if isinstance(answer, int):
        return answer
    if args.verb != "status":
        say(printable_lines(_done(answer)))
    elif args.format == "json":
        say(json.dumps(answer, indent=1))
    else:
        say(printable_lines(_status(answer)))
    return 0


def _share(text: str) -> int:
    try:
        return read_percentage(text)
    except Refusal as refusal:
        raise ArgumentTypeError(f"{refusal.message}: {refusal.why} {refusal.remedy}") from None


def _done(answer: Mapping[str, Any]) -> str:
    entry = answer["entry"]
    where = "in force in every worker" if answer["in_force"] else "not in force in every worker yet: see the edge's log"
    lines = [f"{entry['cutover']}: {_phase(entry)} at {written_share(entry['share'])} %, {where}"]
    if entry["note"]:
        lines.append(entry["note"])
    if answer["lost"] is not None:
        lines.append(f"the store of the nodes cannot be asked now: {answer['lost']}")
    return "\n".join(lines)


def _status(answer: Mapping[str, Any]) -> str:
    if not answer["cutovers"]:
        return "the rules have no cutover"
    lines = [_one(each) for each in answer["cutovers"]]
    if answer["lost"] is not None:
        lines.append(f"the store of the nodes cannot be asked now: {answer['lost']}")
    if answer["journal"]:
        lines += ["", *(line for each in answer["journal"] for line in _with_evidence(each))]
    return "\n".join(lines)


def _one(state: Mapping[str, Any]) -> str:
    share = written_share(state["share"])
    if state["way_back"] is not None:
        who, why = state["way_back"]
        left = f"rolled back by {who} ({why}): everybody is on {state['from']} here; the store, which says {share} % on"
        return printable(f"{state['name']}: {left} {state['to']}, has not taken it yet: it is tried until it does")
    said = f"{state['name']}: {_phase(state)}, {share} % on {state['to']}, the rest on {state['from']}"
    if state["is_paused"]:
        said += "; paused"
    if state["hold_left"]:
        said += f"; holds for another {written_duration(round(state['hold_left']) or 1)}"
    if state["next"] is not None:
        said += f"; next {written_share(state['next'])} %"
        said += ", by a person" if state["unjudged"] else ", when its gates pass" if state["has_gates"] else ""
    rehearsal = [] if state["rehearsal"] is None else [f"    rehearsal: {printable(state['rehearsal'])}"]
    return "\n".join([said, *rehearsal, *_gates(state)])


def _gates(state: Mapping[str, Any]) -> list[str]:
    """What is known of each that is judged, why another is not, and what a judged one does not see."""
    known = [f"    {each}" for each in (*map(Evidence.from_json, state["gates"]), *state["unjudged"])]
    if state["unseen"]:
        known.append(
            f"    differences say nothing of {', '.join(state['unseen'])}: no shadow asks {state['to']} for them"
        )
    return known


def _entry(entry: Mapping[str, Any]) -> str:
    moment = datetime.fromtimestamp(entry["at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    shares = f"{written_share(entry['from_share'])} % -> {written_share(entry['share'])} %"
    extra: Sequence[str] = [*(["forced"] if entry["is_forced"] else []), *([entry["note"]] if entry["note"] else [])]
    said = f"{entry['number']:>4}  {moment}  {entry['what']:<12}  {shares:<18}  {entry['who']}: {entry['why']}"
    return printable(said + (f" ({'; '.join(extra)})" if extra else ""))


def _with_evidence(entry: Mapping[str, Any]) -> list[str]:
    """Of a gate that failed its words say so; below is what the others said then."""
    evidences = entry["evidence"] if entry["what"] == "gate_failed" else None
    found = [Evidence.from_json(each) for each in evidences or ()]
    return [_entry(entry), *(f"{'':>28}{one}" for one in found if one.verdict is not Verdict.FAIL)]


def _phase(words: Mapping[str, Any]) -> str:
    return str(words["phase"]).replace("_", " ")
