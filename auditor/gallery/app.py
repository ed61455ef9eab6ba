"""The gallery as an ASGI application: four pages, read only, without a script.

Addresses hold keys and numbers, never a path. Every answer forbids whatever a page could load or
run but our own style sheet; whoever asks under another host's name than this machine's is refused,
so that no page of somebody else's can read a report through a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from auditor.errors import missing_extra
from auditor.evidence.records import Report
from auditor.gallery import pages
from auditor.gallery.choice import ListOrder
from auditor.gallery.found import ReportFolder
from auditor.reporting import html

try:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse
    from starlette.routing import Route
except ImportError as error:
    raise missing_extra("starlette", "serve", "a page over many reports") from error

HOSTS = ["127.0.0.1", "localhost"]
NOT_FOUND, TWO = "There is no such page.", "Choose two reports to see them side by side."


def policy() -> str:
    """The Content-Security-Policy of every answer."""
    style = html.styled()["style_sha256"]
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )


def application(folder: ReportFolder) -> Starlette:
    """The application over one folder of reports; one request after the other reads it."""

    async def listing(request: Request) -> HTMLResponse:
        """All reports, as the address filters and sorts them."""
        return _page(pages.listing(folder.entries(), ListOrder.of(dict(request.query_params))))

    async def report(request: Request) -> HTMLResponse:
        """A report's own page."""
        return _of_report(folder, request, pages.whole)

    async def exhibits(request: Request) -> HTMLResponse:
        """Ten exhibits of a report; a page that is no number is the first."""
        asked = request.query_params.get("page", "0")
        page = int(asked) if asked.isdecimal() and asked.isascii() and len(asked) < 6 else 0
        return _of_report(folder, request, lambda key, r: pages.exhibits(key, r, page))

    async def exhibit(request: Request) -> HTMLResponse:
        """One exhibit in full."""
        key, number = request.path_params["key"], request.path_params["number"]
        found = folder.report(key)
        if found is None or number >= len(pages.exhibits_of(found)):
            return _missing()
        return _page(pages.exhibit(key, found, number))

    async def side_by_side(request: Request) -> HTMLResponse:
        """The two reports that were chosen; a notice where they are not two."""
        keys = request.query_params.getlist("with")
        if len(keys) != 2:
            return _page(pages.notice(TWO), HTTPStatus.BAD_REQUEST)
        found = [(key, folder.report(key)) for key in keys]
        known = [(key, r) for key, r in found if r is not None]
        return _page(pages.side_by_side(known)) if len(known) == 2 else _missing()

    async def missing(request: Request, error: Exception) -> HTMLResponse:
        """What no address leads to."""
        return _missing()

    return Starlette(
        routes=[
            Route("/", listing),
            Route("/side-by-side", side_by_side),
            Route("/report/{key}", report),
            Route("/report/{key}/exhibits", exhibits),
            Route("/report/{key}/exhibit/{number:int}", exhibit),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
        exception_handlers={404: missing},
    )


def _of_report(
    folder: ReportFolder, request: Request, tell: Callable[[str, Report], str]
) -> HTMLResponse:
    key = request.path_params["key"]
    found = folder.report(key)
    return _missing() if found is None else _page(tell(key, found))


def _missing() -> HTMLResponse:
    return _page(pages.notice(NOT_FOUND), HTTPStatus.NOT_FOUND)


def _page(text: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    headers = {
        "Content-Security-Policy": policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(text, status, headers)
