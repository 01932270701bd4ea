"""One log line for each request, and a reference that a reader can quote."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from redreport.logs import route_of

log = structlog.get_logger("redreport.request")

PROBES = {"healthz", "readyz"}


class RequestLogMiddleware:
    """
    Gives the request an id, which stands in its log lines, in the X-Request-ID header and on error pages. The line names the
    route, not the path: paths hold tokens and order numbers. No query string, address, cookie or user is logged.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex[:12]
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            route = route_of(request)
            if route not in PROBES or response.status_code != 200:
                elapsed_ms = round((time.perf_counter() - started) * 1000)
                log.info("request", method=request.method, route=route, status=response.status_code, ms=elapsed_ms)
        response["X-Request-ID"] = request_id
        return response
