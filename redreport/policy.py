"""The rules of the house, each one named once. docs/owner-decisions.md says which the owner still has to confirm."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

CURRENCY = "usd"
SINGLE_SEAT_MINOR = 250_00
ANNUAL_MINOR = 2_500_00
CREDITS_PER_YEAR = 12

SESSION_MINUTES = 60
DEFAULT_CAPACITY = 40

# Stripe's shortest Checkout is 30 minutes. The hold outlasts ours, so that nobody pays for a seat already given up;
# the difference to 30 minutes is the time in which a failed call to Stripe may be tried again with the same key.
HOLD = timedelta(minutes=35)
CHECKOUT_LIFETIME = timedelta(minutes=33)
SHORTEST_CHECKOUT = timedelta(minutes=30)

MAX_LAPSED_ORDERS = 3
LAPSED_ORDERS_WINDOW = timedelta(days=1)
# A hold given back sooner than this is no lapse.
HOLD_GIVEN_BACK_IN_TIME = timedelta(minutes=10)
MAX_ACTIVE_SEATS_PER_BUYER = 10

# A seat whose payment the bank is still moving is held until so long before the start.
PAID_BEFORE_START = timedelta(hours=24)

CANCEL_CUTOFF = timedelta(hours=24)
# A credit that the house gives back is good for at least so long again.
RETURNED_CREDIT_GOOD_FOR = timedelta(days=90)
# How long a refund takes to be seen, as banks say; nobody promises it.
REFUND_SHOWS_WITHIN = "5 to 10 days"
# The most credits that staff give in one grant: ten years' worth.
MOST_CREDITS_GIVEN = 120

# Nobody is booked into a session automatically later than this: a day is left to give the seat back for its credit.
AUTO_BOOKING_BEFORE = CANCEL_CUTOFF + timedelta(hours=24)

RENEWAL_NOTICE_BEFORE = timedelta(days=30)
# A notice that could not be made until then needs a person.
RENEWAL_NOTICE_LATEST = timedelta(days=15)

# The waitlist: an offer stands for a share of the time left, at most so long; none is made in the last hour.
LONGEST_OFFER = timedelta(hours=12)
OFFER_SHARE_OF_TIME_LEFT = 4
LAST_OFFER_BEFORE = timedelta(hours=1)

# Each hand-over mails somebody who never asked for it: after so many, the desk does it.
MOST_HAND_OVERS = 5

DOOR_OPENS_BEFORE = timedelta(minutes=15)
DOOR_CLOSES_AFTER = timedelta(minutes=30)

LONG_REMINDER_BEFORE = timedelta(hours=24)
SHORT_REMINDER_BEFORE = timedelta(hours=1)
# A reminder that would be sent later than this after its moment is recorded as missed instead.
LONG_REMINDER_TOLERANCE = timedelta(hours=6)
SHORT_REMINDER_TOLERANCE = timedelta(minutes=45)
# Who was told of a session so shortly before a reminder's moment, or later, is not reminded.
TOLD_SHORTLY_BEFORE = timedelta(hours=1)

# Hosts try their microphones before anybody else comes in.
HOST_DOOR_OPENS_BEFORE = timedelta(hours=1)

MOST_QUESTIONS_PER_SEAT = 3
# What stays of an hour is mailed when it is released, and at the latest so long after the start.
FOLLOW_UP_LATEST_AFTER = timedelta(hours=24)
# The largest file that staff may upload.
LARGEST_MATERIAL_BYTES = 200 * 1024 * 1024
# For so long after the end an attendee may rate the hour, and change the rating.
FEEDBACK_OPEN_FOR = timedelta(days=30)
# For how long a page's links to its files are good.
MATERIAL_LINK_LIFETIME = timedelta(hours=1)
# New sessions are mailed about once none has been published for so long: a season is one mail.
NEWS_AFTER_LAST_PUBLICATION = timedelta(minutes=30)
# Unused credits are brought to mind so long before they expire.
CREDIT_REMINDER_BEFORE = timedelta(days=60)

# An institution that writes to us is answered within so many days on which we work.
ENQUIRY_REPLY_BUSINESS_DAYS = 2
# More enquiries of one e-mail address are not taken within an hour.
MOST_ENQUIRIES_PER_HOUR = 3

HOUSE_ZONE = ZoneInfo("America/New_York")

CONSENT_VERSION = "2026-11"
# The day of the terms, the privacy page and the refund page as they read now.
LEGAL_TEXTS_DATED = date(2026, 11, 29)

# How often an order that waits for its payment is compared with Stripe, and when one that expired is looked at again:
# a payment that was taken all the same is found even where no webhook reaches us.
CHECK_PENDING_EVERY = timedelta(minutes=3)
CHECK_UNDER_WAY_EVERY = timedelta(hours=1)
CHECK_EXPIRED_AFTER = (timedelta(minutes=10), timedelta(hours=2), timedelta(hours=24))


def a_year_after(instant: datetime) -> datetime:
    """The same day of the next year, as Stripe reckons it: 29 February becomes the 28th."""
    try:
        return instant.replace(year=instant.year + 1)
    except ValueError:
        return instant.replace(year=instant.year + 1, day=28)
