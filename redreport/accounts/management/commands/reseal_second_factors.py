"""After a change of DJANGO_SECRET_KEY: what the old key sealed is sealed with the new one."""

from typing import Any

from django.core.management.base import BaseCommand

from redreport.accounts.second_factor import reseal_secrets


class Command(BaseCommand):
    help = "Seal the keys of authenticator apps and recovery codes with the present DJANGO_SECRET_KEY. Safe at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Sealed anew: {reseal_secrets()}.")
