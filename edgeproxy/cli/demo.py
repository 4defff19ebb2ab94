"""`edgeproxy demo`: the edge in front of both bundled backends, on real packages, on this machine."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from importlib.resources import files
from pathlib import Path

from edgeproxy.cli.demo_packages import CannotFetch, fetch_packages
from edgeproxy.cli.demo_processes import CannotStart, Processes
from edgeproxy.ruleset.load import RuleFileError, load_ruleset

NAME = "demo"
HELP = "start the edge with both bundled backends on real packages"

UPLOAD_TOKEN = "demo"  # printed for everybody to see


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stage", default="3-modern", help="a stage of rules/demo/, or a rule file (3-modern)")
    parser.add_argument("--port", type=int, default=8080, help="of the edge, on 127.0.0.1 (8080)")
    parser.add_argument("--data", type=Path, default=_cache(), metavar="DIR", help="where packages and index are kept")
    parser.add_argument("--packages", type=Path, metavar="DIR", help="take wheels and source archives from here")


def execute(args: Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end in either way, it ends its processes
    try:
        rules = _rules(args.stage)
        declared = {backend.name for backend in load_ruleset(rules).backends}
        _check_port(args.port)
        store = args.data / "store"
        _fill(store, args.packages, args.data / "packages")
        with Processes() as processes:
            control = args.data / f"control-{args.port}"
            token = _purge_token(rules, args.data, args.port)
            places = _start_backends(processes, store, args.port, token, "conveyor" in declared)
            _start_edge(processes, rules, args.port, control, token, places)
            _print_welcome(args.port, rules, control, places)
            print(f"edgeproxy demo: {processes.wait()}", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("\nended")
        return 0
    except RuleFileError as error:
        print(error, file=sys.stderr)
        return 2
    except (CannotFetch, CannotStart, _CannotDemo) as error:
        print(f"edgeproxy demo: {error}", file=sys.stderr)
        return 1


class _CannotDemo(Exception):
    pass


def _rules(stage: str) -> Path:
    if Path(stage).is_file():
        return Path(stage)
    stages = sorted(Path(str(files("rules") / "demo")).glob("*.yaml"))
    for path in stages:
        if path.stem == stage:
            return path
    raise _CannotDemo(f"no stage {stage!r}: there are {', '.join(path.stem for path in stages)}, or name a rule file")


def _purge_token(rules: Path, data: Path, port: int) -> Path | None:
    """A token for the new site and the edge, made anew. None with rules of the user's own: so is their `cache`."""
    if not _is_stage(rules):
        return None
    token = data / f"purge-token-{port}"
    token.touch(mode=0o600)
    token.write_text(f"{secrets.token_hex(32)}\n")
    return token


def _is_stage(rules: Path) -> bool:
    return rules.parent == Path(str(files("rules") / "demo"))


def _with_purges(rules: Path, token: Path, port: int) -> Path:
    """A rule file that is the stage, and lets who knows the token purge."""
    path = token.with_name(f"rules-{port}.yaml")
    said = (f"edge: 1\ninclude: [{json.dumps(str(rules.absolute()))}]\n", f"cache: {{purge_token: {token.name}}}\n")
    path.write_text("".join(said))
    return path


def _check_port(port: int) -> None:
    """Look before anything is fetched; the edge itself has the last word when it binds."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            raise _CannotDemo(
                f"127.0.0.1:{port} cannot be listened on ({error.strerror}): end what uses it, or choose another --port"
            ) from None


def _fill(store: Path, given: Path | None, kept: Path) -> None:
    """Fetch packages unless they are given or kept, and import what is not in the store yet."""
    packages = given or kept
    if given is None:
        fetch_packages(kept, _say)
    elif not given.is_dir():
        raise _CannotDemo(f"--packages {given} is not a directory")
    _say(f"importing {packages} into {store}")
    done = subprocess.run(
        [sys.executable, "-m", "backends.seed", "--store", store, packages], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise _CannotDemo(f"the packages cannot be imported: {done.stderr.strip().splitlines()[-1:] or done.stdout}")


def _start_backends(
    processes: Processes, store: Path, port: int, purge_token: Path | None, translates: bool
) -> dict[str, str]:
    """Where each of them is. `translates`: the rules lead old file URLs to the service that knows the new ones."""
    _say("starting legacy, modern, conveyor and the edge" if translates else "starting legacy, modern and the edge")
    common = ("--store", store, "--listen", "127.0.0.1:0", "--tell-writes")  # a replay ends where something is written
    legacy = processes.start("legacy", "backends.legacy", *common)
    modern = processes.start(
        "modern",
        *("backends.modern", *common, "--upload-token", UPLOAD_TOKEN),
        *("--files-url", "http://files.pypihosted.test"),
        *("--files-url-for", f"pypi.localhost:{port}=http://files.localhost:{port}"),
        *(("--purge", f"http://127.0.0.1:{port}", "--purge-token-file", purge_token) if purge_token else ()),
    )
    places = {"legacy": legacy, "modern": modern, "store": str(store / "files")}
    if translates:
        hosts = f"files.localhost:{port}=pypi.localhost:{port}"
        arguments = ("--endpoint", modern, "--listen", "127.0.0.1:0", "--host-for", hosts)
        places["conveyor"] = processes.start("conveyor", "backends.conveyor", *arguments)
    return places


def _start_edge(
    processes: Processes, rules: Path, port: int, control: Path, purge_token: Path | None, places: dict[str, str]
) -> None:
    if purge_token is not None:
        rules = _with_purges(rules, purge_token, port)
    overrides = [part for name, place in places.items() for part in ("--backend", f"{name}={place}")]
    run = ("edgeproxy", "run", rules, "--listen", f"127.0.0.1:{port}", "--control", control)
    processes.start("edge", *run, *overrides)


def _print_welcome(port: int, rules: Path, control: Path, places: dict[str, str]) -> None:
    proxy = f"http://127.0.0.1:{port}"
    known = Path(str(files("rules"))) / "compare" / "legacy-to-modern.yaml"
    print(
        f"""
The edge is running by {_short(rules)}.

  a browser   http://pypi.localhost:{port}/
  curl        curl -i -x {proxy} http://pypi.test/simple/six/
  the old URL curl -iL -x {proxy} http://legacy.pypi.test/simple/six/
  pip         pip install --proxy {proxy} --index-url http://pypi.test/simple/ \\
                --trusted-host pypi.test --trusted-host files.pypihosted.test --target /tmp/from-the-edge aiohttp
  twine       HTTP_PROXY={proxy} twine upload --repository-url http://upload.pypi.test/legacy/ \\
                -u __token__ -p {UPLOAD_TOKEN} dist/*
  why?        edgeproxy explain http://legacy.pypi.test/simple/six/ --rules {_short(rules)}
  purge       edgeproxy purge --control {_short(control)} http://pypi.test/simple/six/
  record      edgeproxy capture start /tmp/captures --control {_short(control)}       (and later: capture stop)
  compare     edgeproxy replay /tmp/captures --to {places["modern"]} --against {places["legacy"]} \\
                --rules {_short(known)}

Ctrl-C ends everything.""",
        flush=True,
    )


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _say(text: str) -> None:
    print(text, flush=True)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgeproxy-demo"
