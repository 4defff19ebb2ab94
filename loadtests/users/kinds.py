"""Kinds of clients, and what each does."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

from loadtests.users.browsing import browser
from loadtests.users.calling import xmlrpc_client
from loadtests.users.installers import old_pip, pip, uv
from loadtests.users.mirroring import bandersnatch, devpi
from loadtests.users.steps import Walk, World


class Client(StrEnum):
    """As profiles call them."""

    PIP = "pip"  # 26.3
    OLD_PIP = "pip-9"  # of April 2018, which asks the old host
    UV = "uv"
    BROWSER = "browser"
    XMLRPC = "xmlrpc"
    BANDERSNATCH = "bandersnatch"
    DEVPI = "devpi"


def walk_of(client: Client) -> Callable[[World], Walk]:
    match client:
        case Client.PIP:
            return pip
        case Client.OLD_PIP:
            return old_pip
        case Client.UV:
            return uv
        case Client.BROWSER:
            return browser
        case Client.XMLRPC:
            return xmlrpc_client
        case Client.BANDERSNATCH:
            return bandersnatch
        case Client.DEVPI:
            return devpi
        case _:
            assert_never(client)
