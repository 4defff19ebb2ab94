"""`python -m tests.fuzz --seconds 600`: mutations of the conformance table through the edge, until one breaks it.

`--rule-files`: mutations of rule files through the reader, the checker and the formatter.

With `--atheris` (where it is installed) libFuzzer chooses the octets by the coverage of edgeproxy/http and edgeproxy/proxy,
from a corpus made of the table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the HTTP/1.1 data plane, or the rule language.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="the first execution's seed; the next has the next")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage")
    parser.add_argument("--rule-files", action="store_true", help="rule files instead of HTTP")
    options = parser.parse_args()
    if options.rule_files:
        return run_rule_files(options.seconds, options.seed)
    return run_atheris(options.seconds) if options.atheris else run_mutations(options.seconds, options.seed)


def run_mutations(seconds: float, first: int | None) -> int:
    from fuzz.executions import execute
    from fuzz.target import Target

    seed = time.time_ns() if first is None else first
    began = time.monotonic()
    with Target() as target:
        while time.monotonic() - began < seconds:
            try:
                execute(target, Random(seed))
            except BaseException:
                print(f"seed {seed} breaks the edge; `--seed {seed}` shows it again", file=sys.stderr)
                raise
            seed += 1
        print(f"{target.tally} in {time.monotonic() - began:.0f} s: nothing found")
    return 0


def run_rule_files(seconds: float, first: int | None) -> int:
    from fuzz.rule_files import RuleFiles

    seed = time.time_ns() if first is None else first
    began = time.process_time()
    target = RuleFiles()
    while time.process_time() - began < seconds:
        try:
            target.execute(Random(seed))
        except BaseException:
            print(f"seed {seed} breaks the reader; `--rule-files --seed {seed}` shows it again", file=sys.stderr)
            raise
        seed += 1
    print(f"{target.tally} in {seconds:.0f} s of CPU: nothing found")
    return 0


def run_atheris(seconds: float) -> int:
    import atheris

    with atheris.instrument_imports(include=["edgeproxy.http", "edgeproxy.proxy"]):
        from fuzz.target import ASKED, Target
    from fuzz.mutate import TOKENS, answer_seeds, request_seeds

    with tempfile.TemporaryDirectory() as directory, Target() as target:
        corpus, words = Path(directory) / "corpus", Path(directory) / "words"
        corpus.mkdir()
        words.write_text("".join([f'"{_escaped(token)}"\n' for token in TOKENS]))
        kinds = [(0, seed) for seed in request_seeds()]
        kinds += [(1 + place, seed) for seed in answer_seeds() for place in range(len(ASKED))]
        for number, (kind, seed) in enumerate(kinds):
            (corpus / str(number)).write_bytes(bytes([kind]) + seed)

        def one(data: bytes) -> None:
            if not data:
                return
            kind = data[0] % (1 + len(ASKED))
            if kind == 0:
                target.check_requests([data[1:]])
            else:
                target.check_answers(ASKED[kind - 1], [data[1:]])

        bounds = (f"-max_total_time={int(seconds)}", "-max_len=2048", "-len_control=0", "-timeout=20")
        atheris.Setup([sys.argv[0], *bounds, f"-dict={words}", str(corpus)], one)
        atheris.Fuzz()
    return 0


def _escaped(token: bytes) -> str:
    return "".join([f"\\x{octet:02x}" for octet in token])


if __name__ == "__main__":
    sys.exit(main())
