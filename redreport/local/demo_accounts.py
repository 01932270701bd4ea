"""Who can sign in to the demo. Kept apart from the demo data, for those who must not load Django's models."""

STAFF_EMAIL = "desk@redreport.example"
HOST_EMAIL = "mira@redreport.example"
SUBSCRIBER_EMAIL = "subscriber@example.com"
READER_EMAIL = "reader@example.com"

DEMO_ACCOUNTS = [
    ("Staff", STAFF_EMAIL),
    ("Host of some sessions", HOST_EMAIL),
    ("Subscriber with a year", SUBSCRIBER_EMAIL),
    ("Reader", READER_EMAIL),
]
