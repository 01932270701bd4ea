"""Bring database, static files, Stripe's products and demo data to where the local stack can start. Safe to run again."""

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--secret-file", type=Path, required=True, help="where the webhook endpoint's secret is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False)
        call_command("createcachetable")
        self.collect_static_files()
        call_command("stripe_setup", secret_file=options["secret_file"])
        call_command("load_demo")

    def collect_static_files(self) -> None:
        """Collect them only if one has changed since the last time. With DEBUG they are served from where they lie."""
        root = Path(settings.STATIC_ROOT)
        root.mkdir(parents=True, exist_ok=True)
        if settings.DEBUG:
            return
        mark = root.with_name(f"{root.name}.collected")
        state = static_state()
        if not mark.exists() or mark.read_text() != state:
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            mark.write_text(state)


def static_state() -> str:
    """A digest of the names, sizes and times of all static files."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
