"""What is kept of a person who asked: their enquiries, and the mails that tell the desk of them."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from redreport.accounts.models import User
from redreport.accounts.privacy.exporting import at
from redreport.accounts.privacy.parts import ERASED_NAME, Part, Person
from redreport.enquiries.mails import ARRIVED
from redreport.enquiries.models import Enquiry
from redreport.outbox.models import OutgoingMail
from redreport.wording import counted

REMOVED = "(removed)"


class EnquiriesPart(Part):
    name = "enquiries"

    def export(self, user: User, now: datetime) -> dict[str, Any]:
        return {
            "enquiries": [
                {
                    "reference": enquiry.reference,
                    "state": enquiry.state,
                    "name": enquiry.name,
                    "institution": enquiry.firm,
                    "what_you_need": enquiry.need,
                    "by_when_for_how_many": enquiry.scope,
                    "sent_at": at(enquiry.created_at),
                    "handled_at": at(enquiry.handled_at),
                }
                for enquiry in _enquiries_of((user.email,), now)
            ]
        }

    def consequences(self, user: User, now: datetime) -> list[str]:
        waiting = _enquiries_of((user.email,), now).filter(state=Enquiry.State.NEW).count()
        return [f"{counted(waiting, 'enquiry', 'enquiries')} of yours will not be answered."] if waiting else []

    def names(self, user: User) -> set[str]:
        return set(Enquiry.objects.filter(email=user.email).values_list("name", flat=True))

    def forget(self, person: Person, now: datetime) -> None:
        """
        The reference and the time stay. What still waited is off the desk's pile: nobody is left to answer to. The mail that told
        the desk said all of it, so its body goes too; one being sent just now goes when this is done again.
        """
        theirs = _enquiries_of((*person.addresses, person.pseudonym), person.until)
        numbers = list(theirs.values_list("pk", flat=True))
        OutgoingMail.objects.filter(kind=ARRIVED, context__enquiry_id__in=numbers).update(
            subject="", sent_bytes=None, returned=""
        )
        theirs.filter(state=Enquiry.State.NEW).update(state=Enquiry.State.CLOSED, handled_by=person.user, handled_at=now)
        theirs.update(name=ERASED_NAME, firm=REMOVED, email=person.pseudonym, need=REMOVED, scope="")


def _enquiries_of(addresses: tuple[str, ...], until: datetime) -> QuerySet[Enquiry]:
    return Enquiry.objects.filter(email__in=addresses, created_at__lte=until).order_by("pk")
