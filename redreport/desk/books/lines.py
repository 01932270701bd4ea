"""What happened to each pot, line by line: what each event earned, and what it changed in what is still owed. SQL.

A pot is divided into as many equal parts as it bought seats or credits. Of its parts some are earned (`n`), some were taken back
(`v`), some are booked (`b`) or canceled and not made good yet (`g`); the rest waits for its session or its use. The larger shares
go first: so many parts earned are worth the first so many shares, whichever credits they were.

    owed   = what the parts not yet earned or taken back are worth, at most what we still hold beyond what was earned
    earned = all else that we hold

So a refund comes out of what is owed first; only what exceeds that lowers what was earned, in the month of the refund.
"""

from redreport.desk.books.money_in import MONEY_IN

# `hold` is money without tax; who comes first of what happens at one instant is said by `rank`.
EVENTS = """
events AS (
    SELECT pot, captured_at AS at, 0 AS rank, 'payment' AS kind, id, net AS hold, 0 AS n, 0 AS v, 0 AS b, 0 AS g,
           id AS payment_id, NULL::bigint AS seat_id, NULL::bigint AS grant_id FROM paid
     UNION ALL
    SELECT pot, at, 1, kind, id, tax - gross, 0, 0, 0, 0, payment_id, NULL, NULL FROM given_back
     UNION ALL
    SELECT pot, paid_at, 0, 'offline', id, amount_minor, 0, 0, 0, 0, NULL, seat_id, NULL FROM offline
     UNION ALL
    SELECT pot, returned_at, 1, 'offline_returned', id, -returned_minor, 0, 0, 0, 0, NULL, seat_id, NULL FROM offline
     WHERE returned_at IS NOT NULL
     UNION ALL
    SELECT pot, step.at, step.rank, step.kind, id, 0, step.n, step.v, step.b * (units.kind = 'credit')::integer, step.g,
           NULL, seat_id, NULL
      FROM units, LATERAL (VALUES
           (2, 'booked', booked_at, 0, 0, 1, 0),
           (2, CASE units.kind WHEN 'offline' THEN 'offline_seat' WHEN 'credit' THEN 'credit' ELSE 'seat' END,
            CASE WHEN state <> 'canceled' AND session_state <> 'canceled' OR canceled_at > starts_at THEN starts_at END,
            1, 0, -1, 0),
           (2, 'late', CASE WHEN is_forfeited AND canceled_at <= starts_at THEN canceled_at END, 1, 0, -1, 0),
           (2, 'canceled', CASE WHEN state = 'canceled' AND NOT is_forfeited AND canceled_at <= starts_at THEN canceled_at END,
            0, 0, -1, 1),
           (2, 'canceled', CASE WHEN state = 'canceled' AND NOT is_forfeited AND canceled_at > starts_at THEN canceled_at END,
            -1, 0, 0, 1),
           (3, 'taken_back', CASE WHEN state = 'canceled' AND NOT is_forfeited THEN taken_back_at END, 0, 1, 0, -1),
           (3, 'returned', CASE WHEN NOT is_forfeited THEN returned_at END, 0, 0, 0, -1),
           (3, 'restored', CASE WHEN is_forfeited THEN returned_at END, -1, 0, 0, 0)
           ) step (rank, kind, at, n, v, b, g)
     WHERE step.at IS NOT NULL
     UNION ALL
    SELECT pot, at, 4, CASE WHEN is_by_hand THEN 'seat_given' ELSE 'case_settled' END, id, 0, 0, 0, 0, 0, NULL, NULL, NULL
      FROM decided
     UNION ALL
    SELECT y.pot, CASE e.kind WHEN 'expire' THEN least(g.expires_at, e.at) ELSE e.at END,
           CASE e.kind WHEN 'carry_over' THEN 3 ELSE 2 END,
           CASE e.kind WHEN 'expire' THEN 'expired' WHEN 'revoke' THEN 'revoked' ELSE 'carried_over' END, e.id, 0,
           CASE WHEN e.kind = 'revoke' THEN 0 ELSE -e.delta END, CASE WHEN e.kind = 'revoke' THEN -e.delta ELSE 0 END, 0, 0,
           NULL, NULL, g.id
      FROM subscriptions_creditentry e
      JOIN subscriptions_creditgrant g ON g.id = e.grant_id
      JOIN year_pots y USING (stripe_invoice_id)
     WHERE e.kind IN ('expire', 'revoke', 'carry_over')
),
running AS (
    SELECT events.*, pots.currency, parts.parts, parts.is_by_hand, pots.net / parts.parts AS share,
           pots.net %% parts.parts AS larger,
           (parts.parts IS NULL OR parts.is_by_hand) AND ((at, rank) < (decided_at, 4)) IS NOT FALSE AS is_unassigned,
           sum(hold) OVER w AS held, sum(n) OVER w AS ns, sum(v) OVER w AS vs, sum(b) OVER w AS bs, sum(g) OVER w AS gs
      FROM events JOIN pots USING (pot) LEFT JOIN parts USING (pot)
      LEFT JOIN (SELECT pot, at AS decided_at FROM decided) d USING (pot)
    WINDOW w AS (PARTITION BY pot ORDER BY at, rank, kind, id ROWS UNBOUNDED PRECEDING)
)"""


def worth(count: str) -> str:
    """SQL of what the first `count` shares of a pot are worth together."""
    return f"(({count}) * share + least({count}, larger))"


def owed(count: str) -> str:
    """SQL of what the parts after those earned, up to the first `count` of all, are worth: at most what is held beyond them."""
    return f"greatest(least({worth(count)}, held) - {worth('ns')}, 0)"


# What is owed at each moment, by what it is owed as; and what of the money held is not owed any more.
VALUED = f"""
valued AS (
    SELECT running.*,
           CASE WHEN is_unassigned THEN greatest(held, 0) ELSE 0 END AS unassigned,
           CASE WHEN is_unassigned OR parts IS NULL THEN 0 ELSE {owed("ns + bs")} END AS booked,
           CASE WHEN is_unassigned OR parts IS NULL THEN 0 ELSE {owed("parts - vs - gs")} END AS good,
           CASE WHEN is_unassigned OR parts IS NULL THEN 0 ELSE {owed("parts - vs")} END AS all_owed
      FROM running
),
standing AS (
    SELECT valued.*, CASE WHEN is_year AND NOT is_by_hand THEN 0 ELSE good END AS coming,
           CASE WHEN is_year AND NOT is_by_hand THEN good - booked ELSE 0 END AS unused,
           all_owed - good AS to_give_back, held - all_owed - unassigned AS earned
      FROM valued
      LEFT JOIN (SELECT DISTINCT pot, true AS is_year FROM year_pots) y USING (pot)
),
lines AS (
    SELECT pot, at, rank, kind, id, currency, payment_id, seat_id, grant_id,
           earned - lag(earned, 1, 0::bigint) OVER w AS earned, coming - lag(coming, 1, 0::bigint) OVER w AS coming,
           booked - lag(booked, 1, 0::bigint) OVER w AS booked, unused - lag(unused, 1, 0::bigint) OVER w AS unused,
           to_give_back - lag(to_give_back, 1, 0::bigint) OVER w AS to_give_back,
           unassigned - lag(unassigned, 1, 0::bigint) OVER w AS unassigned
      FROM standing
    WINDOW w AS (PARTITION BY pot ORDER BY at, rank, kind, id)
)"""

LINES = ",".join((MONEY_IN, EVENTS, VALUED))
