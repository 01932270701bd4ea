"""Load the demo once; running it again changes nothing. DEMO_PASSWORD is what its accounts sign in with."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from redreport import clock
from redreport.local.demo import load_people_and_schedule
from redreport.local.demo_purchases import (
    book_with_the_years_credits,
    buy_seat_with_a_card_in_doubt,
    buy_year_at_simulator,
    compare_with_simulator,
)


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD")
        if not password:
            raise CommandError("DEMO_PASSWORD is not set: the demo's accounts need a password of this copy's own.")
        done = {
            "schedule": load_people_and_schedule(password=password, now=clock.now()),
            "year": buy_year_at_simulator(now=clock.now()),
            "seat in doubt": buy_seat_with_a_card_in_doubt(now=clock.now()),
            "seats": book_with_the_years_credits(now=clock.now()),
            "comparison": compare_with_simulator(now=clock.now()),
        }
        new = [what for what, is_new in done.items() if is_new]
        self.stdout.write(f"load_demo: {', '.join(new) or 'nothing'} new.")
