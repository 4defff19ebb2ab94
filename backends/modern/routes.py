"""Every URL of the new site, in one table. The first pattern that fits answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from backends.modern import (
    feeds,
    integrity,
    json_api,
    managing,
    pages,
    redirects,
    searches,
    simple,
    sitemaps,
    staged,
    statistics,
)
from backends.modern.answers import Answer
from backends.modern.pypi_posts import post
from backends.modern.upload.view import upload
from backends.modern.visit import Visit
from backends.steps import Steps

View: TypeAlias = Callable[[Visit], Answer | Steps[Answer]]
BodyView: TypeAlias = Callable[[web.Request, Visit], Awaitable[Answer | web.StreamResponse]]


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


@dataclass(frozen=True, slots=True)
class Api:
    """These methods, answered from the request as it arrives."""

    path: str
    methods: tuple[str, ...]
    view: BodyView


Route: TypeAlias = Get | Post | PostBody | Api

ROUTES: tuple[Route, ...] = (
    Get("/", pages.index),
    Get("/simple/", simple.index),
    Get("/simple/{name}/", simple.detail),
    Get("/pypi", redirects.by_action),
    Get("/pypi/", redirects.by_action),
    PostBody("/pypi", post),
    PostBody("/pypi/", post),
    PostBody("/RPC2", post),
    Get("/pypi/{name}/json", json_api.project),
    Get("/pypi/{name}/json/", json_api.project),
    Get("/pypi/{name}/{version}/json", json_api.release),
    Get("/pypi/{name}/{version}/json/", json_api.release),
    Get("/pypi/{name}/", redirects.to_project),
    Get("/pypi/{name}/{version}/", redirects.to_project),
    Get("/p/{name}/", redirects.to_project),
    Get("/p/{name}/{version}/", redirects.to_project),
    Api("/project/{name}/", ("GET", "HEAD"), pages.project),
    Api("/project/{name}/{version}/", ("GET", "HEAD"), pages.project),
    Get(r"/packages/{path:[\s\S]+}", redirects.to_files),
    Get("/rss/updates.xml", feeds.updates),
    Get("/rss/packages.xml", feeds.packages),
    Get("/rss/project/{name}/releases.xml", feeds.project),
    Get("/integrity/{name}/{version}/{file}/provenance", integrity.provenance),
    Get("/u/{name}/", redirects.to_user),
    Get("/user/{name}/", pages.user),
    Get("/search/", searches.page),
    Get("/search/suggest", searches.suggest),
    Get("/opensearch.xml", searches.description),
    Get("/classifiers/", pages.classifiers),
    Get("/stats/", statistics.stats),
    Get("/help/", pages.help_page),
    Get("/robots.txt", pages.robots),
    Get("/sitemap.xml", sitemaps.sitemap),
    Get("/sitemap/{number}.xml", sitemaps.part),
    Get(r"/_force-status/{status:[45]\d\d}/", pages.forced),
    PostBody("/legacy/", upload),
    PostBody("/stages/{stage}/legacy/", staged.upload_to),
    Get("/stages/{stage}/simple/", staged.index),
    Get("/stages/{stage}/simple/{name}/", staged.detail),
    Api(r"/stages/{stage}/packages/{path:.+}", ("GET",), staged.file),
    Api("/api/projects/{name}/releases/{version}/yank", ("PUT", "DELETE"), managing.yank),
    Api("/api/projects/{name}/status", ("PUT",), managing.status),
    Api("/api/stages/", ("POST",), managing.stages),
    Api("/api/stages/{stage}", ("GET", "DELETE"), managing.stage),
    Api("/api/stages/{stage}/publish", ("POST",), managing.publish),
    Post("/legacy", redirects.to_upload),
    Get("/_health/", pages.health),
)
