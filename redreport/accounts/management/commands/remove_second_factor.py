"""The way back for the last superuser, who has lost their second factor and has no colleague to remove it in the admin."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from redreport import clock
from redreport.accounts.models import User
from redreport.accounts.second_factor import NothingToRemove, remove_second_factor


class Command(BaseCommand):
    help = "Remove the authenticator app, passkeys and recovery codes of an account. It is written down, and its owner is told."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", required=True, help="why, for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError("Nobody has an account with this address.")
        try:
            remove_second_factor(user_id=user.pk, actor="shell", reason=options["reason"], now=clock.now())
        except NothingToRemove:
            raise CommandError("This account has no second factor.") from None
        self.stdout.write("Removed. The account signs in by mailed code and sets up another second factor.")
