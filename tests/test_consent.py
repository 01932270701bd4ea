"""What a reader agrees to before a year begins is kept word for word, and given back in writing."""

import hashlib
import re
from html import unescape

import pytest

from redreport import policy
from subscriptions.models import Order, Plan
from subscriptions.terms import consent_text
from tests.factories import make_price, make_user
from tests.fixtures_shop import Shop
from tests.fixtures_years import Year
from tests.outbox_helpers import rendered_mail

# Other words are another agreement: change policy.CONSENT_VERSION, and add the hash of the new words.
WORDS_OF_VERSION = {"2026-11": "6f6eda50b5e17c928a05516198dd544fd5413a1ee0afe3b2e495ed7e85027544"}


@pytest.mark.django_db
def test_the_words_change_only_with_their_version() -> None:
    words = consent_text(make_price(Plan.ANNUAL))
    assert hashlib.sha256(words.encode()).hexdigest() == WORDS_OF_VERSION[policy.CONSENT_VERSION]


def test_the_order_keeps_the_words_that_stood_on_the_page(shop: Shop) -> None:
    user = make_user()
    shop.webhooks.force_login(user)
    page = unescape(shop.webhooks.get("/plans/annual/").content.decode())
    order = shop.order_year(user)
    assert (order.consent_version, order.consented_at, len(order.consent_text.splitlines())) == ("2026-11", order.created_at, 4)
    for words in order.consent_text.splitlines():
        assert words in page


def test_agreeing_to_the_terms_of_another_version_orders_nothing(shop: Shop) -> None:
    shop.webhooks.force_login(make_user())
    page = shop.webhooks.get("/plans/annual/").content.decode()
    price_id = re.search(r'name="price_id" value="(\d+)"', page)
    assert price_id is not None
    form = {"consent": "on", "price_id": price_id[1], "terms_version": "2025-01"}
    assert shop.webhooks.post("/plans/annual/", form).status_code == 400
    assert not Order.objects.exists()


def test_the_mail_about_the_year_repeats_the_words(year: Year) -> None:
    mail = rendered_mail("year_started")
    for part in (mail.text, unescape(mail.html)):
        assert "On 1 December 2026 you agreed to this (version 2026-11):" in part
        for words in year.order.consent_text.splitlines():
            assert words in part
