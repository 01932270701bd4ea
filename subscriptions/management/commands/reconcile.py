"""`manage.py reconcile`: compare Stripe with our rows, heal what differs, and say so."""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from redreport import clock
from subscriptions.errors import GatewayError
from subscriptions.reconciliation.run import AlreadyReconciling, reconcile


def moment(text: str) -> datetime:
    """'2026-11-01', the beginning of that day in UTC, or '30d', so many days ago."""
    if days := re.fullmatch(r"(\d{1,4})d", text):
        return clock.now() - timedelta(days=int(days[1]))
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is neither a day (2026-11-01) nor a number of days (30d)") from error


class Command(BaseCommand):
    help = (
        "Compare Stripe with our rows: heal what differs, and open a case for what does not heal. "
        "Ends with 0 when nothing is left that differs, else with 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=moment, help="how far back: 2026-11-01 or 30d; by default a day before the last finished run"
        )
        parser.add_argument("--dry-run", action="store_true", help="only compare: write nothing, change nothing")

    def handle(self, *args: Any, since: datetime | None = None, dry_run: bool = False, **options: Any) -> None:
        try:
            report = reconcile(since=since, dry_run=dry_run, now=clock.now(), say=self.stdout.write)
        except AlreadyReconciling as error:
            raise CommandError("Another run is under way.") from error
        except GatewayError as error:
            raise CommandError(
                f"Stripe gave no usable answer ({error}). What was healed stays healed: run this again."
            ) from error
        self.stdout.write(str(report))
        if not report.is_whole:
            sys.exit(1)
