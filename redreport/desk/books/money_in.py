"""Every payment as a pot: what it brought without tax, and into how many equal parts that is divided. SQL, from our own rows."""

# A payment and its tax. Tax is known of orders and of invoices; a payment of another amount than theirs has its share of it.
# A year is paid by its invoice, perhaps in several payments: together they are one pot, named by the first.
PAYMENTS = """
taxed AS (
    SELECT p.id, p.subscriber_id, p.order_id, p.stripe_invoice_id, p.captured_at, p.amount_minor, p.currency,
           p.refunded_minor, p.paid_back_minor,
           p.stripe_invoice_id <> '' AND o.kind IS DISTINCT FROM 'seat' AS is_year,
           CASE WHEN o.total_minor > 0 THEN p.amount_minor::bigint * o.tax_minor / o.total_minor
                WHEN i.total_minor > 0 THEN p.amount_minor::bigint * i.tax_minor / i.total_minor
                ELSE 0 END::integer AS tax
      FROM subscriptions_payment p
      LEFT JOIN subscriptions_order o ON o.id = p.order_id
      LEFT JOIN subscriptions_invoice i ON i.stripe_invoice_id = p.stripe_invoice_id AND p.stripe_invoice_id <> ''
),
paid AS (
    SELECT t.*, t.amount_minor - t.tax AS net,
           CASE WHEN is_year THEN min(t.id) OVER (PARTITION BY is_year, stripe_invoice_id) ELSE t.id END AS pot
      FROM taxed t
)"""

# Cases about money that staff settled, and that were not refunded at Stripe: from then on nothing is owed because of them.
SETTLED = """
settled AS (
    SELECT k.id, k.kind, k.key, k.outcome, k.settled_at AS at, k.payment_id, k.refund_id, k.paid_back_minor
      FROM subscriptions_case k WHERE k.state = 'settled' AND k.outcome NOT IN ('', 'refunded')
)"""

# What left us again: refunds that Stripe has taken on or will, lost disputes, and what staff paid back past Stripe. The tax in
# each is what is left of the payment's tax after those before it, so that all of a payment gives back all of its tax; beyond
# the payment there is none.
GIVEN_BACK = """
given_back AS (
    SELECT left_us.*, paid.pot,
           (least(sum(left_us.gross) OVER w, paid.amount_minor) * paid.tax / nullif(paid.amount_minor, 0)
            - least(sum(left_us.gross) OVER w - left_us.gross, paid.amount_minor) * paid.tax / nullif(paid.amount_minor, 0)
           )::integer AS tax
      FROM (SELECT payment_id, 'refund' AS kind, id, created_at AS at, amount_minor AS gross,
                   state <> 'succeeded' AS is_on_its_way
              FROM subscriptions_refund WHERE state IN ('pending', 'submitted', 'succeeded')
             UNION ALL
            SELECT payment_id, 'dispute', id, closed_at, amount_minor, false
              FROM subscriptions_dispute WHERE status = 'lost' AND closed_at IS NOT NULL
             UNION ALL
            SELECT payment_id, 'paid_back', id, at, paid_back_minor, false
              FROM settled WHERE outcome = 'paid_back' AND payment_id IS NOT NULL) left_us
      JOIN paid ON paid.id = left_us.payment_id
    WINDOW w AS (PARTITION BY left_us.payment_id ORDER BY left_us.at, left_us.kind DESC, left_us.id)
)"""

# Money that came past Stripe is a pot of its own, with a number below zero. What of it went back stands in its case.
OFFLINE = """
offline AS (
    SELECT c.id, -c.id AS pot, c.seat_id, c.amount_minor, c.currency,
           c.paid_on::timestamp AT TIME ZONE %(zone)s AS paid_at,
           CASE WHEN k.outcome = 'paid_back' THEN k.at END AS returned_at, k.paid_back_minor AS returned_minor
      FROM subscriptions_seatcoverage c
      JOIN sessions_live_seat s ON s.id = c.seat_id
      LEFT JOIN settled k ON k.key = 'offline_restitution:' || s.public_id
     WHERE c.kind = 'offline'
)"""

# Of an order's payments the first bought its seats, or another where that one went back: as settling has it.
SEATS_BOUGHT = """
bearing AS (
    SELECT DISTINCT ON (p.order_id) p.order_id, p.pot
      FROM paid p JOIN subscriptions_order o ON o.id = p.order_id
     WHERE o.kind = 'seat' AND o.fulfilled_at IS NOT NULL
     ORDER BY p.order_id, p.refunded_minor + p.paid_back_minor >= p.amount_minor, p.id
),
year_pots AS (
    SELECT stripe_invoice_id, min(pot) AS pot FROM paid WHERE is_year GROUP BY stripe_invoice_id
)"""

# A refund that failed may have been made again, and again, or staff settled what was owed by it.
REFUNDS_MADE = """
refunds_made AS (
    WITH RECURSIVE attempts AS (
        SELECT id AS first_id, id, state, created_at FROM subscriptions_refund
         UNION ALL
        SELECT a.first_id, r.id, r.state, r.created_at FROM attempts a JOIN subscriptions_refund r ON r.replaces_id = a.id
    )
    SELECT a.first_id, min(CASE WHEN a.state IN ('pending', 'submitted', 'succeeded') THEN a.created_at ELSE k.at END) AS since
      FROM attempts a LEFT JOIN settled k ON k.refund_id = a.id AND k.kind = 'refund_failed' GROUP BY a.first_id
)"""

# One unit is one seat that was ever given, by money or by a credit of a paid year, or by hand for a payment whose case is settled
# with that. What nobody paid for is worth nothing: it is not here.
UNITS = """
units AS (
    SELECT c.id, c.kind, c.seat_id, s.state, l.starts_at, l.state AS session_state, s.canceled_at, s.restitution, c.settlement,
           CASE WHEN c.settlement = 'nothing' THEN c.settled_at
                WHEN m.since IS NOT NULL THEN greatest(c.settled_at, m.since)
                WHEN c.settlement = 'case' THEN k.at END AS taken_back_at,
           e.at AS booked_at, back.at AS returned_at,
           s.state = 'canceled' AND (c.settlement IN ('forfeited', 'credit', '') AND s.restitution = 'none'
                                     OR c.settlement IN ('forfeited', 'goodwill')) AS is_forfeited,
           coalesce(b.pot, y.pot, o.pot, h.pot) AS pot
      FROM subscriptions_seatcoverage c
      JOIN sessions_live_seat s ON s.id = c.seat_id
      JOIN sessions_live_livesession l ON l.id = s.live_session_id
      LEFT JOIN bearing b ON b.order_id = c.order_id
      LEFT JOIN offline o ON o.id = c.id
      LEFT JOIN subscriptions_creditentry e ON e.id = c.credit_entry_id
      LEFT JOIN subscriptions_creditgrant g ON g.id = e.grant_id
      LEFT JOIN year_pots y ON y.stripe_invoice_id = g.stripe_invoice_id AND g.stripe_invoice_id <> ''
      LEFT JOIN subscriptions_creditentry back ON back.seat_id = c.seat_id AND back.kind = 'return'
      LEFT JOIN subscriptions_case f ON c.settlement = 'case' AND f.key = 'disputed_restitution:' || s.public_id
      LEFT JOIN settled k ON k.key IN ('disputed_restitution:' || s.public_id, 'offline_restitution:' || s.public_id)
      LEFT JOIN refunds_made m ON m.first_id = coalesce(c.refund_id, f.refund_id)
      LEFT JOIN (SELECT settled.id, settled.at, paid.pot FROM settled JOIN paid ON paid.id = settled.payment_id
                  WHERE outcome = 'seat_given') h ON h.id = c.given_for_id AND (s.canceled_at IS NULL OR s.canceled_at > h.at)
     WHERE s.state IN ('confirmed', 'attended', 'no_show', 'canceled') AND coalesce(b.pot, y.pot, o.pot, h.pot) IS NOT NULL
)"""

POTS = """
pots AS (
    SELECT pot, min(currency) AS currency, sum(net)::bigint AS net, min(id) AS payment_id, min(subscriber_id) AS subscriber_id
      FROM paid GROUP BY pot
     UNION ALL
    SELECT pot, currency, amount_minor, NULL, NULL FROM offline
),
parts AS (
    SELECT pot, count(*) AS parts, bool_or(kind = 'comp') AS is_by_hand FROM units WHERE kind <> 'credit' GROUP BY pot
     UNION ALL
    SELECT y.pot, sum(g.credits), false FROM subscriptions_creditgrant g JOIN year_pots y USING (stripe_invoice_id)
     WHERE g.source = 'invoice' GROUP BY y.pot
)"""

# Since when nothing more is owed for a payment for which our books gave nothing, or what was given by hand. The case of a failed
# refund says so of a payment of which all was to go back, not of one of which a part was.
DECIDED = """
decided AS (
    SELECT paid.pot, min(k.at) AS at, min(k.id) AS id, bool_or(k.outcome = 'seat_given') AS is_by_hand
      FROM settled k
      JOIN paid ON paid.id = k.payment_id
      LEFT JOIN subscriptions_refund r ON r.id = k.refund_id
     WHERE k.kind IN ('amount_mismatch', 'payment_without_seat', 'unknown_payment')
        OR (k.kind = 'refund_failed' AND paid.refunded_minor + r.amount_minor >= paid.amount_minor)
     GROUP BY paid.pot
)"""

MONEY_IN = ",".join((PAYMENTS, SETTLED, GIVEN_BACK, OFFLINE, SEATS_BOUGHT, REFUNDS_MADE, UNITS, POTS, DECIDED))
