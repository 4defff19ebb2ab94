"""Every URL of the new site, in one table. The first pattern that fits answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from backends.modern import json_api, pages, redirects, simple
from backends.modern.answers import Answer
from backends.modern.upload.view import upload
from backends.modern.visit import Visit

View: TypeAlias = Callable[[Visit], Answer]
BodyView: TypeAlias = Callable[[web.Request, Visit], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Get:
    """GET and HEAD, answered from the store."""

    path: str
    view: View


@dataclass(frozen=True, slots=True)
class Post:
    """POST, answered without a look at the body."""

    path: str
    view: View


@dataclass(frozen=True, slots=True)
class PostBody:
    """POST, answered from the body as it arrives."""

    path: str
    view: BodyView


Route: TypeAlias = Get | Post | PostBody

ROUTES: tuple[Route, ...] = (
    Get("/", pages.index),
    Get("/simple/", simple.index),
    Get("/simple/{name}/", simple.detail),
    Get("/pypi/", redirects.to_front_page),
    Get("/pypi/{name}/json", json_api.project),
    Get("/pypi/{name}/json/", json_api.project),
    Get("/pypi/{name}/{version}/json", json_api.release),
    Get("/pypi/{name}/{version}/json/", json_api.release),
    Get("/pypi/{name}/", redirects.to_project),
    Get("/pypi/{name}/{version}/", redirects.to_project),
    Get("/p/{name}/", redirects.to_project),
    Get("/p/{name}/{version}/", redirects.to_project),
    Get("/project/{name}/", pages.project),
    Get("/project/{name}/{version}/", pages.project),
    Get(r"/packages/{path:[\s\S]+}", redirects.to_files),
    PostBody("/legacy/", upload),
    Post("/legacy", redirects.to_upload),
    Get("/_health/", pages.health),
)
