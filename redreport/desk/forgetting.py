"""What the desk keeps of a person: the rows of what staff asked for in bulk name whom they are about."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from redreport.accounts.privacy import parts
from redreport.accounts.privacy.parts import ERASED_NAME, Part, Person
from redreport.desk.models import JobItem


class JobsPart(Part):
    name = "desk"

    def forget(self, person: Person, now: datetime) -> None:
        """What such a row did stays with its job; whom it names is replaced, in its words and in its values."""
        names = Q()
        for address in person.addresses:
            names |= Q(about__icontains=address) | Q(outcome__icontains=address) | Q(values__icontains=address)
        theirs = JobItem.objects.filter(names, job__made_at__lte=person.until).exclude(state=JobItem.State.WAITING)
        for item in theirs:
            item.about, item.outcome = person.taken_out_of(item.about)[:300], person.taken_out_of(item.outcome)[:300]
            item.values = _without(item.values, person)
            item.save(update_fields=["about", "outcome", "values"])


def register() -> None:
    parts.register(JobsPart())


def _without(value: Any, person: Person) -> Any:
    """The same JSON with nobody in their place. Values that name the person say who they were, so these go as a whole."""
    if isinstance(value, dict):
        if str(value.get("email", "")).lower() in person.addresses:
            value = value | {key: words for key, words in {"name": ERASED_NAME, "firm": ""}.items() if key in value}
        return {key: _without(member, person) for key, member in value.items()}
    if isinstance(value, list):
        return [_without(member, person) for member in value]
    return person.taken_out_of(value) if isinstance(value, str) else value
