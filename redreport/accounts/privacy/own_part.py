"""What accounts and the outbox keep of a person: the account, how it signs in, its mails, and who did what to it."""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from redreport.accounts.models import User
from redreport.accounts.privacy.exporting import at
from redreport.accounts.privacy.parts import Obstacle, Part, Person
from redreport.accounts.sign_ins import end_sign_ins, sign_ins_of
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.erased import forget_recipient
from redreport.outbox.models import MailWish, OutgoingMail

ERASED = "erased"


class OwnPart(Part):
    name = "accounts"

    def export(self, user: User, now: datetime) -> dict[str, Any]:
        addresses = EmailAddress.objects.filter(user=user).order_by("pk")
        factors = Authenticator.objects.filter(user=user).order_by("pk")
        mails = OutgoingMail.objects.filter(recipient__iexact=user.email).order_by("pk")
        wishes = MailWish.objects.filter(email__iexact=user.email).order_by("topic")
        about = Q(actor=user) | Q(target_type=user._meta.label_lower, target_id=str(user.pk))
        return {
            "account": {
                "email": user.email,
                "name": user.name,
                "firm": user.firm,
                "time_zone": user.time_zone,
                "joined_at": at(user.date_joined),
                "last_signed_in_at": at(user.last_login),
            },
            "sign_in_methods": {
                "addresses": [{"email": one.email, "is_proven": one.verified} for one in addresses],
                "has_password": user.has_usable_password(),
                "second_factors": [
                    {"kind": one.get_type_display(), "added_at": at(one.created_at), "last_used_at": at(one.last_used_at)}
                    for one in factors
                ],
            },
            "sign_ins": [
                {"browser": one.device, "signed_in_at": at(one.signed_in_at), "last_seen_at": at(one.seen_at)}
                for one in sign_ins_of(user)
            ],
            "wishes_for_mails": [
                {"topic": wish.topic, "is_wanted": wish.is_wanted, "said_at": at(wish.said_at)} for wish in wishes
            ],
            "mails": [
                {
                    "kind": kinds.label_of(mail.kind),
                    "subject": mail.subject,
                    "state": mail.state,
                    "owed_at": at(mail.created_at),
                    "sent_at": at(mail.sent_at),
                }
                for mail in mails
            ],
            "record_of_changes": [_entry(entry, user) for entry in AuditEntry.objects.filter(about).order_by("pk")],
        }

    def obstacles(self, user: User, now: datetime) -> list[Obstacle]:
        if user.is_staff or user.is_superuser:
            return [Obstacle("This is an account of staff. Another superuser takes its powers away first.")]
        return []

    def consequences(self, user: User, now: datetime) -> list[str]:
        return ["Your account is closed and you are signed out everywhere. Password, passkeys and authenticator app are deleted."]

    def begin(self, user: User, actor: User, now: datetime) -> None:
        EmailAddress.objects.filter(user=user).delete()
        Authenticator.objects.filter(user=user).delete()
        end_sign_ins(user=user)

    def forget(self, person: Person, now: datetime) -> None:
        _forget_mails(person)
        MailWish.objects.filter(email__in=person.addresses, said_at__lte=person.until).delete()
        # Django admin's own history names the rows by their words of then.
        of_account = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=of_account, object_id=str(person.user.pk)).update(object_repr=person.pseudonym)


def _entry(entry: AuditEntry, user: User) -> dict[str, Any]:
    """What was done by the person, or to the account. A reason that staff wrote is theirs, and stays with them."""
    by_them = entry.actor_id == user.pk
    return {
        "at": at(entry.at),
        "by": "you" if by_them else "the house" if entry.actor_id else entry.actor_label,
        "what": entry.verb,
        "of": f"{entry.target_type} {entry.target_id}",
    }


def _forget_mails(person: Person) -> None:
    theirs = OutgoingMail.objects.filter(recipient__in=person.addresses, created_at__lte=person.until)
    theirs.filter(state=OutgoingMail.State.QUEUED).update(state=OutgoingMail.State.WITHHELD, reason=ERASED)
    # One that is being sent just now is written down by its worker; its body goes when the erasure is finished.
    theirs.exclude(state=OutgoingMail.State.SENDING).update(subject="", sent_bytes=None, secret=None)
    forget_recipient(theirs, person.pseudonym)
