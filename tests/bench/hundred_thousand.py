"""A year of business in bulk: seats with all that hangs on them, made in the database itself within a minute.

Of twenty seats sixteen are paid, three by credit, one is given; one in fifty is given back. A reader sits in ten and has a
year. Sessions begin eleven months ago and go on for another month.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from subscriptions.models import Plan, Price

PREPARE = """
CREATE TEMPORARY TABLE load_sessions AS
SELECT number, nextval(pg_get_serial_sequence('sessions_live_livesession', 'id')) AS id,
       date_trunc('hour', %(now)s - interval '330 days' + number * interval '360 days' / %(sessions)s) AS starts_at
  FROM generate_series(0, %(sessions)s - 1) number;

CREATE TEMPORARY TABLE load_readers AS
SELECT number, nextval(pg_get_serial_sequence('accounts_user', 'id')) AS user_id,
       nextval(pg_get_serial_sequence('subscriptions_subscriber', 'id')) AS subscriber_id,
       nextval(pg_get_serial_sequence('subscriptions_subscription', 'id')) AS subscription_id,
       nextval(pg_get_serial_sequence('subscriptions_creditgrant', 'id')) AS grant_id
  FROM generate_series(0, %(readers)s - 1) number;

CREATE TEMPORARY TABLE load_seats AS
SELECT n, s.id AS session_id, s.starts_at, r.user_id, r.subscriber_id, r.grant_id, r.number AS reader,
       n %% %(per_session)s + 1 AS place, least(s.starts_at - interval '14 days', %(now)s - interval '1 hour') AS bought_at,
       CASE WHEN n %% 20 = 0 THEN 'comp' WHEN n %% 20 < 4 THEN 'credit' ELSE 'order' END AS kind,
       n %% 50 = 7 AS is_canceled,
       nextval(pg_get_serial_sequence('sessions_live_seat', 'id')) AS id,
       nextval(pg_get_serial_sequence('subscriptions_order', 'id')) AS order_id,
       nextval(pg_get_serial_sequence('subscriptions_payment', 'id')) AS payment_id,
       nextval(pg_get_serial_sequence('subscriptions_refund', 'id')) AS refund_id,
       nextval(pg_get_serial_sequence('subscriptions_creditentry', 'id')) AS entry_id
  FROM generate_series(0, %(seats)s - 1) n
  JOIN load_sessions s ON s.number = n / %(per_session)s
  JOIN load_readers r ON r.number = (n / %(per_session)s * 13 + n %% %(per_session)s) %% %(readers)s;
"""

PEOPLE = """
INSERT INTO accounts_user (id, password, is_superuser, email, name, firm, time_zone, is_staff, is_active, date_joined)
SELECT user_id, '!', false, 'load-' || number || '@example.com', 'Reader ' || number, 'Firm ' || number %% 500, '', false, true,
       %(now)s - interval '340 days' FROM load_readers;

INSERT INTO subscriptions_subscriber (id, user_id, public_id, stripe_key_version, stripe_customer_id, firm, billing_name,
       created_at)
SELECT subscriber_id, user_id, gen_random_uuid(), 0, 'cus_load_' || number, 'Firm ' || number %% 500, 'Reader ' || number,
       %(now)s - interval '340 days' FROM load_readers;

INSERT INTO subscriptions_subscription (id, subscriber_id, stripe_subscription_id, status, current_period_start,
       current_period_end, cancel_at_period_end, synced_at)
SELECT subscription_id, subscriber_id, 'sub_load_' || number, 'active', %(now)s - interval '340 days',
       %(now)s + interval '25 days', false, %(now)s FROM load_readers;

INSERT INTO subscriptions_payment (subscriber_id, stripe_payment_intent_id, stripe_charge_id, stripe_invoice_id, amount_minor,
       currency, refunded_minor, captured_at, recorded_at)
SELECT subscriber_id, 'pi_load_year_' || number, '', 'in_load_' || number, 250000, 'usd', 0, %(now)s - interval '340 days',
       %(now)s - interval '340 days' FROM load_readers;

INSERT INTO subscriptions_invoice (stripe_invoice_id, number, subscriber_id, subscription_id, status, billing_reason,
       subtotal_minor, discount_minor, tax_minor, total_minor, currency, attempt_count, hosted_invoice_url, invoice_pdf_url,
       created_at, paid_at, synced_at)
SELECT 'in_load_' || number, 'L-' || number, subscriber_id, subscription_id, 'paid', 'subscription_cycle', 250000, 0, 0, 250000,
       'usd', 1, '', '', %(now)s - interval '340 days', %(now)s - interval '340 days', %(now)s FROM load_readers;
"""

SESSIONS = """
INSERT INTO sessions_live_livesession (id, title, slug, section, question, description, starts_at, duration_minutes, capacity,
       meeting_url, state, published_at, schedule_version, created_at)
SELECT id, 'Session ' || number, 'load-' || number, 'hill', 'What now?', '', starts_at, 60, %(per_session)s + 20,
       'https://meet.example.com/load', CASE WHEN starts_at < %(now)s THEN 'ended' ELSE 'published' END,
       starts_at - interval '60 days', 0, starts_at - interval '60 days' FROM load_sessions;

INSERT INTO sessions_live_seat (id, public_id, live_session_id, number, state, attendee_name, attendee_email, attendee_firm,
       booked_by_id, held_at, confirmed_at, canceled_at, canceled_by, canceled_reason, restitution, calendar_sequence,
       door_version)
SELECT id, gen_random_uuid(), session_id, place,
       CASE WHEN is_canceled THEN 'canceled' WHEN starts_at > %(now)s THEN 'confirmed' WHEN n %% 10 = 9 THEN 'no_show'
            ELSE 'attended' END,
       'Reader ' || reader, 'load-' || reader || '@example.com', 'Firm ' || reader %% 500, user_id, bought_at, bought_at,
       CASE WHEN is_canceled THEN bought_at + interval '10 minutes' END, CASE WHEN is_canceled THEN 'buyer' ELSE '' END, '',
       CASE WHEN is_canceled THEN 'full' ELSE '' END, 0, 0 FROM load_seats;
"""

MONEY = """
INSERT INTO subscriptions_order (id, number, subscriber_id, kind, state, live_session_id, price_id, quantity, amount_minor,
       currency, created_at, expires_at, checkout_expires_at, checkout_url, stripe_key_version, checks, consent_version,
       hosted_invoice_url, invoice_pdf_url, receipt_url, paid_at, fulfilled_at, total_minor, discount_minor, tax_minor)
SELECT order_id, 'L' || lpad(n::text, 9, '0'), subscriber_id, 'seat', CASE WHEN is_canceled THEN 'refunded' ELSE 'paid' END,
       session_id, %(price)s, 1, 25000, 'usd', bought_at, bought_at + interval '35 minutes', bought_at + interval '33 minutes',
       '', 0, 0, '', '', '', '', bought_at, bought_at, 25000, 0, 0 FROM load_seats WHERE kind = 'order';

INSERT INTO subscriptions_payment (id, order_id, subscriber_id, stripe_payment_intent_id, stripe_charge_id, stripe_invoice_id,
       amount_minor, currency, refunded_minor, captured_at, recorded_at)
SELECT payment_id, order_id, subscriber_id, 'pi_load_' || n, '', '', 25000, 'usd', CASE WHEN is_canceled THEN 25000 ELSE 0 END,
       bought_at, bought_at FROM load_seats WHERE kind = 'order';

INSERT INTO subscriptions_refund (id, public_id, payment_id, amount_minor, currency, reason, state, stripe_refund_id,
       stripe_key_version, attempts, error, created_at, updated_at)
SELECT refund_id, gen_random_uuid(), payment_id, 25000, 'usd', 'given_back', 'succeeded', 're_load_' || n, 0, 1, '',
       bought_at + interval '10 minutes', bought_at FROM load_seats WHERE kind = 'order' AND is_canceled;

INSERT INTO subscriptions_creditgrant (id, subscriber_id, subscription_id, source, stripe_invoice_line_id, stripe_invoice_id,
       credits, balance, reason, valid_from, expires_at, created_at)
SELECT r.grant_id, r.subscriber_id, r.subscription_id, 'invoice', 'il_load_' || r.number, 'in_load_' || r.number, 12,
       12 - count(s.n), '', %(now)s - interval '340 days', %(now)s + interval '25 days', %(now)s - interval '340 days'
  FROM load_readers r LEFT JOIN load_seats s ON s.grant_id = r.grant_id AND s.kind = 'credit'
 GROUP BY r.grant_id, r.subscriber_id, r.subscription_id, r.number;

INSERT INTO subscriptions_creditentry (grant_id, kind, delta, balance_after, reason, at)
SELECT grant_id, 'grant', 12, 12, 'Annual subscription paid', %(now)s - interval '340 days' FROM load_readers;

INSERT INTO subscriptions_creditentry (id, grant_id, kind, delta, balance_after, seat_id, reason, at)
SELECT entry_id, grant_id, 'spend', -1, 12 - row_number() OVER (PARTITION BY grant_id ORDER BY bought_at, n), id, 'Session',
       bought_at FROM load_seats WHERE kind = 'credit';

INSERT INTO subscriptions_seatcoverage (seat_id, kind, order_id, credit_entry_id, approved_by_id, note, created_at, settled_at,
       settlement, refund_id)
SELECT id, kind, CASE WHEN kind = 'order' THEN order_id END, CASE WHEN kind = 'credit' THEN entry_id END,
       CASE WHEN kind = 'comp' THEN user_id END, '', bought_at,
       CASE WHEN is_canceled THEN bought_at + interval '10 minutes' END, CASE WHEN is_canceled THEN 'refund' ELSE '' END,
       CASE WHEN is_canceled THEN refund_id END FROM load_seats;
"""

MAILS = """
INSERT INTO outbox_outgoingmail (kind, key, recipient, context, state, reason, due_at, attempts, faults, duplicate_risk,
       message_id, subject, sent_sha256, sent_at, created_at, updated_at)
SELECT 'seat_confirmed', 'load:' || n, 'load-' || reader || '@example.com', jsonb_build_object('seat_id', id), 'sent', '',
       bought_at, 1, 0, 0, '<load-' || n || '@example.com>', 'Your seat', '', bought_at, bought_at, bought_at FROM load_seats;
"""

TABLES = ("load_sessions", "load_readers", "load_seats")


@dataclass(frozen=True)
class Load:
    """What was made: the ids of the sessions, the earliest first."""

    seats: int
    live_session_ids: list[int]


def fill(*, seats: int, sessions: int, now: datetime, price: Price | None = None) -> Load:
    """Make so many seats over so many sessions, with readers, years, orders, payments, refunds, credits, coverage and mails.

    `seats` is a multiple of `sessions`. The database is to hold no other load.
    """
    values: dict[str, datetime | int] = {
        "now": now.replace(microsecond=0) - timedelta(seconds=1),
        "seats": seats,
        "sessions": sessions,
        "per_session": seats // sessions,
        # Whoever sits in one session sits there once.
        "readers": max(seats // 10, seats // sessions),
        "price": (price or _price()).pk,
    }
    with connection.cursor() as cursor:
        # Filling is not a page's question: it may take its time.
        cursor.execute("SET statement_timeout = 0")
        for script in (PREPARE, PEOPLE, SESSIONS, MONEY, MAILS):
            for statement in script.split(";\n"):
                if statement.strip():
                    cursor.execute(statement, values)
        cursor.execute("SELECT id FROM load_sessions ORDER BY number")
        ids = [live_session_id for (live_session_id,) in cursor.fetchall()]
        for table in TABLES:
            cursor.execute(f"DROP TABLE {table}")
        cursor.execute("ANALYZE")
        cursor.execute("RESET statement_timeout")
    return Load(seats, ids)


def _price() -> Price:
    return Price.objects.filter(plan=Plan.SINGLE_SEAT).first() or Price.objects.create(
        plan=Plan.SINGLE_SEAT,
        lookup_key="load",
        stripe_price_id="price_load",
        stripe_product_id="prod_load",
        stripe_account_id="acct_load",
        livemode=False,
        amount_minor=25000,
        currency="usd",
        tax_behavior="exclusive",
    )
