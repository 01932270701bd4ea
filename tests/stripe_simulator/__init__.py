"""A stand-in for Stripe: a separate HTTP process that the genuine SDK talks to.

It imports nothing of the product. Everything it knows about the product reached it over HTTP, as with Stripe itself.
Run it with `python -m tests.stripe_simulator`; README.md in this folder lists what it simulates and how tests steer it.
"""

API_VERSION = "2026-10-28.endive"
ACCOUNT_ID = "acct_1SimulatorRedReport"
