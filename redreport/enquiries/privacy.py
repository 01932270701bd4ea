"""What enquiries hold of a person: name, institution, address, and what they wrote."""

from datetime import datetime
from typing import Any

from redreport.accounts.models import User
from redreport.accounts.privacy.exporting import at
from redreport.accounts.privacy.parts import ERASED_NAME, Part, Person
from redreport.enquiries.models import Enquiry
from redreport.outbox.models import OutgoingMail

REMOVED = "(removed)"


class EnquiriesPart(Part):
    name = "enquiries"

    def export(self, user: User, now: datetime) -> dict[str, Any]:
        sent = Enquiry.objects.filter(email=user.email).order_by("pk")
        return {
            "enquiries": [
                {
                    "reference": one.reference,
                    "name": one.name,
                    "institution": one.firm,
                    "need": one.need,
                    "scope": one.scope,
                    "state": one.state,
                    "sent_at": at(one.created_at),
                }
                for one in sent
            ]
        }

    def consequences(self, user: User, now: datetime) -> list[str]:
        waiting = Enquiry.objects.filter(email=user.email, state=Enquiry.State.NEW).count()
        if not waiting:
            return []
        noun = "enquiry" if waiting == 1 else "enquiries"
        return [f"{waiting} {noun} that you sent us and we have not answered yet: what you wrote is removed."]

    def names(self, user: User) -> set[str]:
        return set(Enquiry.objects.filter(email=user.email).values_list("name", flat=True))

    def forget(self, person: Person, now: datetime) -> None:
        """That somebody asked, when, and who answered stays. The mail to the desk said all of it, so its body goes too."""
        theirs = Enquiry.objects.filter(email__in=[*person.addresses, person.pseudonym], created_at__lte=person.until)
        theirs.update(name=ERASED_NAME, firm=REMOVED, email=person.pseudonym, need=REMOVED, scope="")
        about = OutgoingMail.objects.filter(context__enquiry_id__in=list(theirs.values_list("pk", flat=True)))
        about.exclude(state__in=OutgoingMail.OPEN_STATES).update(subject="", sent_bytes=None)
