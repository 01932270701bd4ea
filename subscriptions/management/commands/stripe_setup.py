"""`manage.py stripe_setup`: everything the Stripe account needs before we can sell, in one command that can be run again."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from redreport.addresses import address_of
from subscriptions import stripe_catalog as catalog
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayError
from subscriptions.operations.catalog import OtherAccount, put_price_in_force, refuse_other_account

BY_HAND = """By hand, in Stripe's dashboard:
  - Settings, Payments, Payment methods: cards on; delayed methods only with STRIPE_DELAYED_PAYMENTS.
  - Settings, Emails: mails for successful payments and refunds as you like; ours confirm seats and years anyway.
  - Settings, Billing, Subscriptions and emails: retries of failed payments, and mails about them.
  - Settings, Branding and Public details: name, colour, support address, the descriptor on card statements.
  - Tax, if you collect it: registrations. The tax behaviour of a price cannot be changed once it is set."""


class Command(BaseCommand):
    help = "Put products, prices, the webhook endpoint and portal settings into the Stripe account; a second run changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--secret-file", type=Path, help="write the signing secret of a new webhook endpoint into this file (0600)"
        )

    def handle(self, *args: Any, secret_file: Path | None = None, **options: Any) -> None:
        try:
            done = self._set_up(secret_file)
        except OtherAccount as error:
            raise CommandError(
                f"This database belongs to another Stripe account than {error}. Use that account's key, or a new database."
            ) from error
        except GatewayError as error:
            raise CommandError(f"Stripe gave no usable answer ({error}). Nothing is half done: run this again.") from error
        changed = [line for line in done if not line.endswith("unchanged")]
        for line in done:
            self.stdout.write(line)
        if changed and "api.stripe.com" in settings.STRIPE_API_BASE:
            self.stdout.write(BY_HAND)
        self.stdout.write(f"at Checkout: {_offered_at_checkout()}")
        self.stdout.write(f"stripe_setup: {len(changed)} of {len(done)} changed.")

    def _set_up(self, secret_file: Path | None) -> list[str]:
        account_id = gateway.account_id()
        refuse_other_account(account_id=account_id, livemode=settings.STRIPE_LIVEMODE)
        done = []
        for offer in catalog.OFFERS:
            price, is_new = catalog.ensure_price(offer)
            changed = put_price_in_force(plan=offer.plan, price=price, account_id=account_id)
            done.append(f"price {offer.lookup_key}: {'created' if is_new else 'taken over' if changed else 'unchanged'}")
        done.append(f"webhook endpoint: {self._set_up_webhook(secret_file)}")
        done.append(f"customer portal: {catalog.ensure_portal()}")
        return done

    def _set_up_webhook(self, secret_file: Path | None) -> str:
        is_stripe_itself = urlsplit(settings.STRIPE_API_BASE).hostname == "api.stripe.com"
        if is_stripe_itself and not settings.HTTPS:
            return "left out, since Stripe cannot reach this address; orders are confirmed by asking: unchanged"
        # A run that died before it wrote the secret down took it along: nobody can verify anything with that endpoint.
        is_lost = secret_file is not None and not settings.STRIPE_WEBHOOK_SECRETS and not _has_words(secret_file)
        outcome, secret = catalog.ensure_webhook_endpoint(address_of("subscriptions:webhook"), secret_is_lost=is_lost)
        if secret and secret_file:
            descriptor = os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secret)
        elif secret:
            self.stdout.write(f"Put this into the environment now, Stripe tells it only once: STRIPE_WEBHOOK_SECRETS={secret}")
        return outcome


def _has_words(file: Path) -> bool:
    return file.exists() and file.read_text().strip() != ""


def _offered_at_checkout() -> str:
    """What the configuration asks of every Checkout; nothing of it is kept in the account."""
    switches = {
        "promotion codes": settings.STRIPE_PROMOTION_CODES,
        "automatic tax": settings.STRIPE_AUTOMATIC_TAX,
        "tax ids": settings.STRIPE_TAX_ID_COLLECTION,
        "delayed payments": settings.STRIPE_DELAYED_PAYMENTS,
    }
    return ", ".join(f"{name} {'on' if is_on else 'off'}" for name, is_on in switches.items())
