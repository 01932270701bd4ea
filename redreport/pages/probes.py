"""What a load balancer asks: does the process live, and may it be sent requests?"""

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from redreport.celery import app

log = structlog.get_logger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing else, so that a database that is down does not get web processes killed."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """
    200 when the database answers and has every migration, else 503. The broker is named but not needed: while it is down,
    buying works, and mails wait in the database.
    """
    report = {"database": _database_state(), "broker": _broker_state()}
    ready = report["database"] == "ok"
    return JsonResponse({"ready": ready, **report}, status=200 if ready else 503)


def _database_state() -> str:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        log.warning("database_unreachable", exc_info=True)
        return "unreachable"
    return "migrations waiting" if waiting else "ok"


def _broker_state() -> str:
    try:
        with app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=0, timeout=1)
    except (OperationalError, OSError):
        return "unreachable"
    return "ok"
