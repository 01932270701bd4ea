"""Who may what. Superusers put people into these groups; migrations give the groups their permissions.

A change here needs a migration that makes the same change: `0003_groups` keeps the table as it was when it was written, the
migrations after it what was added, and a test compares this one with the database. Superusers may do everything; what is in no
table (staff, groups, second factors) is theirs alone.
"""

from collections.abc import Mapping

HOST, DESK, FINANCE = "host", "desk", "finance"

# What hosts read of the sessions they host themselves: who may see seats (`sessions_live.view_seat`) sees every session instead.
_HOSTS = ("sessions_live.view_livesession", "sessions_live.view_question", "sessions_live.view_feedback")

_MONEY_TO_READ = tuple(
    f"subscriptions.view_{model}"
    for model in (
        *("subscriber", "price", "order", "payment", "refund", "dispute", "case", "reconciliation"),
        *("subscription", "subscriptionchange", "invoice", "renewalnotice", "creditgrant", "creditentry", "seatcoverage"),
    )
)
_ROSTERS_TO_READ = (
    *("sessions_live.view_livesession", "sessions_live.view_seat"),
    *("desk.view_rosterseat", "desk.export_rosterseat"),
)

ROLES: Mapping[str, tuple[str, ...]] = {
    HOST: _HOSTS,
    DESK: (
        *_HOSTS,
        *_ROSTERS_TO_READ[1:],
        *_MONEY_TO_READ,
        # The schedule, who runs it, and what stays of it.
        *("sessions_live.add_livesession", "sessions_live.change_livesession", "sessions_live.delete_livesession"),
        *("sessions_live.view_host", "sessions_live.add_host", "sessions_live.change_host", "sessions_live.delete_host"),
        *("sessions_live.view_material", "sessions_live.add_material"),
        *("sessions_live.change_material", "sessions_live.delete_material"),
        # Seats, the door and the waitlist.
        *("sessions_live.change_seat", "sessions_live.view_doorentry"),
        *("sessions_live.view_waitlistentry", "sessions_live.change_waitlistentry"),
        # Given, granted, returned and settled.
        *("subscriptions.add_seatcoverage", "subscriptions.add_creditgrant"),
        *("subscriptions.change_case", "subscriptions.change_subscription"),
        *("subscriptions.view_stripeevent", "subscriptions.change_stripeevent"),
        *("subscriptions.view_autobooking", "subscriptions.view_autobookingattempt"),
        # People, mails, and what was asked for and done.
        *("accounts.view_user", "accounts.add_user", "accounts.change_user", "accounts.add_erasure"),
        *("outbox.view_outgoingmail", "outbox.change_outgoingmail"),
        *("desk.view_job", "desk.add_announcement", "audit.view_auditentry"),
        *("enquiries.view_enquiry", "enquiries.change_enquiry"),
    ),
    FINANCE: (
        *_MONEY_TO_READ,
        *_ROSTERS_TO_READ,
        *("subscriptions.change_case", "subscriptions.change_subscription"),
        *("desk.view_books", "audit.view_auditentry"),
    ),
}
