"""What stands in the files of exported lists."""

from redreport.audit.exporting import Export, column


class WaitlistExport(Export):
    """Who waits for which session, and what came of it."""

    related = ("live_session", "user")

    live_session = column("Session", "live_session__title")
    starts_at = column("Starts at", "live_session__starts_at")
    name = column("Name", "attendee_name")
    email = column("E-mail", "user__email")
    firm = column("Firm", "attendee_firm")
    state = column("State", "state")
    pay_by = column("Pays by", "pay_by")
    joined_at = column("Joined at", "joined_at")
    offered_at = column("Offered at", "offered_at")
    offer_expires_at = column("Offer expires at", "offer_expires_at")
    closed_at = column("Closed at", "closed_at")
