"""The rows that every figure of the books is a sum of, in one shape: which figure, when, how much, and what it was about. SQL.

The page adds them up and the list behind a figure shows them: both ask the same rows.
"""

from redreport.desk.books.definitions import EARNED_BY_EVENT, KEPT, Section
from redreport.desk.books.lines import LINES, owed

EARNED_FIGURE = " ".join(f"WHEN '{event}' THEN '{figure}'" for event, figure in EARNED_BY_EVENT.items())

# Of a dispute the bank takes the money at once, but for an inquiry, which asks first.
TAKEN = "left(d.status, 8) <> 'warning_' AND d.status <> 'prevented'"

_MONEY = f"""
    SELECT p.figure, captured_at AS at, currency, p.amount, 'payment' AS event, id, pot, id AS payment_id,
           NULL::bigint AS seat_id, NULL::bigint AS grant_id, subscriber_id
      FROM paid, LATERAL (VALUES ('payments', amount_minor), ('tax', tax)) p (figure, amount) WHERE p.amount <> 0
     UNION ALL
    SELECT p.figure, given_back.at, paid.currency, p.amount, kind, given_back.id, given_back.pot, payment_id, NULL, NULL,
           paid.subscriber_id
      FROM given_back JOIN paid ON paid.id = payment_id,
           LATERAL (VALUES ('tax', -given_back.tax),
                           (CASE WHEN is_on_its_way THEN 'on_its_way' WHEN kind = 'refund' THEN 'refunds'
                                 WHEN kind = 'paid_back' THEN 'offline_returned' END,
                            CASE WHEN is_on_its_way THEN gross ELSE -gross END)) p (figure, amount)
     WHERE p.figure IS NOT NULL AND p.amount <> 0
     UNION ALL
    SELECT p.figure, p.at, d.currency, p.amount, p.event, d.id, paid.pot, d.payment_id, NULL, NULL, paid.subscriber_id
      FROM subscriptions_dispute d JOIN paid ON paid.id = d.payment_id,
           LATERAL (VALUES ('disputes_taken', 'dispute_opened', d.opened_at, -d.amount_minor),
                           ('with_bank', 'dispute_opened', d.opened_at, d.amount_minor),
                           ('disputes_returned', 'dispute_won', CASE WHEN d.status = 'won' THEN d.closed_at END, d.amount_minor),
                           ('with_bank', CASE d.status WHEN 'won' THEN 'dispute_won' ELSE 'dispute' END,
                            CASE WHEN d.status IN ('won', 'lost') THEN d.closed_at END, -d.amount_minor)
                   ) p (figure, event, at, amount)
     WHERE {TAKEN} AND p.at IS NOT NULL
     UNION ALL
    SELECT 'offline', paid_at, currency, amount_minor, 'offline', id, pot, NULL, seat_id, NULL, NULL FROM offline
     UNION ALL
    SELECT 'offline_returned', returned_at, currency, -returned_minor, 'offline_returned', id, pot, NULL, seat_id, NULL, NULL
      FROM offline WHERE returned_at IS NOT NULL
     UNION ALL
    SELECT p.figure, at, lines.currency, p.amount, kind, id, pot, coalesce(lines.payment_id, pots.payment_id), seat_id, grant_id,
           subscriber_id
      FROM lines JOIN pots USING (pot),
           LATERAL (VALUES (CASE kind {EARNED_FIGURE} ELSE '{KEPT}' END, earned), ('coming', coming), ('booked', booked),
                           ('unused', unused), ('to_give_back', to_give_back), ('unassigned', unassigned)) p (figure, amount)
     WHERE p.amount <> 0"""

SEATS = """
WITH postings AS (
    SELECT p.figure, l.starts_at AS at, '' AS currency, 1 AS amount, s.state AS event, s.id, l.id AS pot,
           NULL::bigint AS payment_id, s.id AS seat_id, NULL::bigint AS grant_id, NULL::bigint AS subscriber_id
      FROM sessions_live_seat s
      JOIN sessions_live_livesession l ON l.id = s.live_session_id
      JOIN subscriptions_seatcoverage c ON c.seat_id = s.id,
           LATERAL (VALUES (CASE c.kind WHEN 'order' THEN 'seats_sold' WHEN 'credit' THEN 'seats_by_credit'
                                        WHEN 'offline' THEN 'seats_offline' ELSE 'seats_given' END),
                           (CASE s.state WHEN 'attended' THEN 'attended' WHEN 'no_show' THEN 'no_shows' END)) p (figure)
     WHERE s.state IN ('confirmed', 'attended', 'no_show') AND l.state IN ('published', 'ended') AND p.figure IS NOT NULL
     UNION ALL
    SELECT 'capacity', starts_at, '', capacity, state, id, id, NULL, NULL, NULL, NULL
      FROM sessions_live_livesession WHERE state IN ('published', 'ended')
)"""

# A year runs from its payment to its end, to the next year's payment, or to the end of the agreement. It adds when it begins
# to run and takes away when it stops, so that what runs on a day is the sum until then.
YEARS = f"""
WITH {LINES},
years AS (
    SELECT g.id, g.subscription_id, g.subscriber_id, y.pot, coalesce(pots.currency, %(house_currency)s) AS currency,
           pots.payment_id, coalesce(pots.net, 0) AS net, greatest(g.valid_from, g.created_at) AS begins_at,
           least(g.expires_at, s.ended_at, lead(greatest(g.valid_from, g.created_at)) OVER w) AS ends_at,
           CASE WHEN lead(g.id) OVER w IS NULL THEN s.ended_at END AS agreement_ended_at,
           lag(g.id) OVER w IS NULL AS is_first
      FROM subscriptions_creditgrant g
      JOIN subscriptions_subscription s ON s.id = g.subscription_id
      LEFT JOIN year_pots y ON y.stripe_invoice_id = g.stripe_invoice_id AND g.stripe_invoice_id <> ''
      LEFT JOIN pots ON pots.pot = y.pot
     WHERE g.source = 'invoice'
    WINDOW w AS (PARTITION BY g.subscription_id ORDER BY g.valid_from, g.id)
),
postings AS (
    SELECT p.figure, p.at, currency, p.amount, p.event, id, subscription_id AS pot, payment_id, NULL::bigint AS seat_id,
           id AS grant_id, subscriber_id
      FROM years, LATERAL (VALUES
           (CASE WHEN is_first THEN 'years_new' ELSE 'years_renewed' END, 'year_paid', begins_at, 1::bigint),
           ('years_ended', 'year_ended', agreement_ended_at, 1),
           ('years_running', 'year_paid', begins_at, 1), ('years_running', 'year_ended', greatest(begins_at, ends_at), -1),
           ('annual_recurring', 'year_paid', begins_at, net),
           ('annual_recurring', 'year_ended', greatest(begins_at, ends_at), -net)
           ) p (figure, event, at, amount)
     WHERE p.at IS NOT NULL AND p.amount <> 0
     UNION ALL
    SELECT 'refunds_count', created_at, currency, 1, 'refund', r.id, pot, payment_id, NULL, NULL, subscriber_id
      FROM subscriptions_refund r JOIN (SELECT id AS payment_id, pot, subscriber_id FROM paid) p USING (payment_id)
     WHERE r.state = 'succeeded'
     UNION ALL
    SELECT p.figure, p.at, d.currency, 1, p.event, d.id, paid.pot, d.payment_id, NULL, NULL, paid.subscriber_id
      FROM subscriptions_dispute d JOIN paid ON paid.id = d.payment_id,
           LATERAL (VALUES ('disputes_opened', 'dispute_opened', d.opened_at),
                           ('disputes_lost', 'dispute', CASE WHEN d.status = 'lost' THEN d.closed_at END)) p (figure, event, at)
     WHERE p.at IS NOT NULL
)"""

# What is owed as it stands on a day, part by part, each on the day on which it is to be earned if nothing else happens to it: a
# seat when its session starts, an unused credit when it expires. Of a pot the part that is due first is worth the next share.
_PARTS_DUE = """
pots_then AS (
    SELECT DISTINCT ON (pot) pot, currency, parts, share, larger, held, ns FROM standing
     WHERE at <= %(standing_at)s ORDER BY pot, at DESC, rank DESC, kind DESC, id DESC
),
seats_over AS (
    SELECT seat_id FROM events WHERE at <= %(standing_at)s AND seat_id IS NOT NULL
     GROUP BY seat_id HAVING sum(n) + sum(v) + sum(g) <> 0
),
booked_then AS (
    SELECT seat_id FROM events WHERE at <= %(standing_at)s AND seat_id IS NOT NULL GROUP BY seat_id HAVING sum(b) = 1
),
credits_then AS (
    SELECT g.id AS grant_id, g.expires_at, y.pot, sum(e.delta) AS credits
      FROM subscriptions_creditentry e
      JOIN subscriptions_creditgrant g ON g.id = e.grant_id
      JOIN year_pots y USING (stripe_invoice_id)
     WHERE CASE e.kind WHEN 'expire' THEN least(g.expires_at, e.at) ELSE e.at END <= %(standing_at)s
     GROUP BY g.id, y.pot
),
due AS (
    SELECT pot, 'due_coming' AS figure, starts_at AS at, seat_id, NULL::bigint AS grant_id, 1 AS number FROM units
     WHERE kind <> 'credit' AND NOT EXISTS (SELECT FROM seats_over s WHERE s.seat_id = units.seat_id)
       AND (kind <> 'comp' OR EXISTS (SELECT FROM decided d WHERE d.pot = units.pot AND d.at <= %(standing_at)s))
     UNION ALL
    SELECT pot, 'due_booked', starts_at, seat_id, NULL, 1 FROM units
     WHERE kind = 'credit' AND EXISTS (SELECT FROM booked_then s WHERE s.seat_id = units.seat_id)
     UNION ALL
    SELECT pot, 'due_unused', expires_at, NULL, grant_id, number FROM credits_then, generate_series(1, credits) number
),
due_in_turn AS (
    SELECT due.*, row_number() OVER (PARTITION BY pot ORDER BY figure, at, seat_id, grant_id, number) AS turn FROM due
)"""

_DUE = f"""
    SELECT d.figure, d.at, state.currency, {owed("ns + turn")} - {owed("ns + turn - 1")} AS amount, 'due' AS event,
           coalesce(d.seat_id, d.grant_id) AS id, d.pot, pots.payment_id, d.seat_id, d.grant_id, pots.subscriber_id
      FROM due_in_turn d JOIN pots_then state USING (pot) JOIN pots USING (pot)"""

MONEY = f"WITH {LINES}, postings AS ({_MONEY})"
DUE = f"WITH {LINES}, {_PARTS_DUE}, postings AS ({_DUE})"
# Both at once, which goes through the lines once.
MONEY_AND_DUE = f"WITH {LINES}, {_PARTS_DUE}, postings AS ({_MONEY} UNION ALL {_DUE})"

POSTINGS_OF = {
    Section.CASH: MONEY,
    Section.EARNED: MONEY,
    Section.OWED: MONEY,
    Section.SEATS: SEATS,
    Section.YEARS: YEARS,
    Section.DUE: DUE,
}
