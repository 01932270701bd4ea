"""An account is erased in a test as a reader and the workers do it, and looked for afterwards."""

from datetime import timedelta

from django.db import connection

from redreport import clock
from redreport.accounts.models import Erasure, User
from redreport.accounts.privacy.erasing import ask_erasure, carry_on, plan_erasure
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail

NAME = "Zenobia Quill"


SOON, LATER = timedelta(days=2), timedelta(days=5)


def erase(user: User, actor: User | None = None) -> Erasure:
    """Ask for it, as the page shows it now, and let the worker do it."""
    now = clock.now()
    plan = plan_erasure(user=user, now=now)
    erasure = ask_erasure(user_id=user.pk, actor=actor or user, consequences=plan.digest, now=now)
    carry_on(erasure_id=erasure.pk, now=now)
    return erasure


def tables_that_hold(*words: str) -> list[str]:
    """Every table in which one of the words stands, in whatever column, case or encoding."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        for (table,) in cursor.fetchall():
            for word in words:
                # Bytes are written as hexadecimal digits.
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" row WHERE row::text ILIKE %s OR row::text ILIKE %s',
                    [f"%{word}%", f"%{word.encode().hex()}%"],
                )
                if cursor.fetchone()[0]:
                    found.append(f"{table}: {word}")
    return found


def deliver_all() -> None:
    """What a killed worker had begun to send is begun again once its claim has run out."""
    due = OutgoingMail.objects.filter(state__in=OutgoingMail.OPEN_STATES, due_at__lte=clock.now())
    for pk in due.order_by("pk").values_list("pk", flat=True):
        deliver_mail(pk, clock.now())
