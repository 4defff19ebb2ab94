"""Runs a site as a process: opens its store, listens, says when it is ready, and ends quietly on a signal.

What cannot work is said in one line on stderr, with exit status 1; wrong usage is 2.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from backends.faults import FaultyStore, Traits, install
from backends.store import Store, StoreError
from backends.tally import tell_writes
from backends.tokens import UnusableToken, read_token, token_file

MakeApp: TypeAlias = Callable[[Store], web.Application]

_LAST_ANSWERS_SECONDS = 5.0  # what is still being answered when the signal comes may take so long


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class CannotListen(Exception):
    def __init__(self, address: Address, error: OSError) -> None:
        # The loop wraps the system's words in its own; a host that is not found has a number below 0.
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror or str(error)
        super().__init__(f"{address}: cannot listen: {why}; give another address, or port 0 for any free one")


def run(program: str, make_app: MakeApp, traits: Traits, arguments: Sequence[str] | None = None) -> int:
    return serve(program, make_app, traits, parser(program).parse_args(arguments))


def serve(program: str, make_app: MakeApp, traits: Traits, options: argparse.Namespace) -> int:
    """Run with arguments that `parser`, or an extension of it, has read."""
    try:
        if options.admin_token_file is None:
            with Store(options.store) as store:
                asyncio.run(_serve(_made(make_app, store, options), options.listen))
        else:
            with FaultyStore(options.store) as faulty:
                app = _made(make_app, faulty, options)
                install(app, faulty, read_token(options.admin_token_file), traits, time.monotonic)
                asyncio.run(_serve(app, options.listen))
    except (StoreError, UnusableToken, CannotListen) as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1
    return 0


def _made(make_app: MakeApp, store: Store, options: argparse.Namespace) -> web.Application:
    app = make_app(store)
    if options.tell_writes:
        tell_writes(app)
    return app


def parser(program: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog=program)
    options.add_argument("--store", type=Path, required=True, metavar="DIR", help="the shared store")
    address_option(options)
    options.add_argument(
        "--admin-token-file", type=token_file, metavar="FILE", help="who has this token may ask for faults"
    )
    options.add_argument(
        "--tell-writes", action="store_true", help="say in each answer how much was written for it: Backend-Writes"
    )
    return options


def address_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", type=_address, default=Address("127.0.0.1", 0), metavar="HOST:PORT")


def day(text: str) -> date:
    """The day that a site is of."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: give one like 2018-04-30") from None


def serve_app(program: str, app: web.Application, address: Address) -> int:
    """Run a site that has no store."""
    try:
        asyncio.run(_serve(app, address))
    except CannotListen as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1
    return 0


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address: give HOST:PORT, as in 127.0.0.1:8081")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


async def _serve(app: web.Application, address: Address) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS_SECONDS)
    await runner.setup()
    try:
        await _listen(runner, address)
        await stopped.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: Address) -> None:
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        raise CannotListen(address, error) from error
    sys.stdout.write(f"ready http://{Address(address.host, runner.addresses[0][1])}\n")
    sys.stdout.flush()
