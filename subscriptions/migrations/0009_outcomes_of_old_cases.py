from django.db import migrations

# What the words of a settled case said until now is what became of its money: it went back past Stripe or by Stripe, or a seat was
# given. The books counted every settled case of an offline payment as returned. Of all others nothing is known, and nothing said.
OUTCOMES = """
UPDATE subscriptions_case k
   SET outcome = 'paid_back', paid_back_minor = c.amount_minor, paid_back_currency = c.currency
  FROM subscriptions_seatcoverage c JOIN sessions_live_seat s ON s.id = c.seat_id
 WHERE k.key = 'offline_restitution:' || s.public_id AND k.state = 'settled' AND k.outcome = '' AND c.kind = 'offline';

UPDATE subscriptions_case k
   SET outcome = 'paid_back', paid_back_minor = r.amount_minor, paid_back_currency = r.currency
  FROM subscriptions_refund r JOIN subscriptions_payment p ON p.id = r.payment_id
 WHERE r.id = k.refund_id AND k.kind = 'refund_failed' AND k.state = 'settled' AND k.outcome = ''
   AND k.resolution LIKE 'Returned past Stripe: %' AND r.amount_minor <= p.amount_minor - p.refunded_minor;

UPDATE subscriptions_payment p
   SET paid_back_minor = least(p.amount_minor, paid_back.minor)
  FROM (SELECT payment_id, sum(paid_back_minor) AS minor FROM subscriptions_case
         WHERE outcome = 'paid_back' AND payment_id IS NOT NULL GROUP BY payment_id) paid_back
 WHERE p.id = paid_back.payment_id;

UPDATE subscriptions_case
   SET outcome = 'refunded'
 WHERE state = 'settled' AND outcome = '' AND settled_by_id IS NOT NULL AND resolution ~ ' is refunded( again|\\. | for this seat)';

UPDATE subscriptions_case
   SET outcome = 'seat_given'
 WHERE state = 'settled' AND outcome = '' AND kind = 'payment_without_seat' AND resolution LIKE 'Seat given in “%';

UPDATE subscriptions_seatcoverage c
   SET given_for_id = k.id
  FROM subscriptions_case k
 WHERE c.kind = 'comp' AND c.given_for_id IS NULL AND k.kind = 'payment_without_seat'
   AND c.note LIKE 'Paid: %' AND c.note LIKE '%; case ' || k.id;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0008_case_outcomes'),
    ]

    operations = [
        migrations.RunSQL(OUTCOMES, migrations.RunSQL.noop),
    ]
