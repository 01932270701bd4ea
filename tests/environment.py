"""The environment of a test run, set before Django reads its settings.

Services are embedded, throw-away and private to the run; `DATABASE_URL` names a PostgreSQL of one's own instead.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from redreport.local.embedded import Broker, PostgreSQL, socket_folder

FOLDER = Path(tempfile.mkdtemp(prefix="redreport-test-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

# Of several test processes side by side each has services of its own, though all inherit the environment of the first.
EMBEDDED = "REDREPORT_TESTS_ARE_EMBEDDED"
OWN_DATABASE_URL = "" if EMBEDDED in os.environ else os.environ.get("DATABASE_URL", "")

_sockets = socket_folder(FOLDER)
BROKER = Broker(FOLDER / "broker", _sockets)
DATABASE = None if OWN_DATABASE_URL else PostgreSQL(FOLDER / "postgres", _sockets, throwaway=True)

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "redreport.settings",
    "DJANGO_SECRET_KEY": "a key for tests only, known to everybody and therefore good for nothing else",
    "DJANGO_DEBUG": "0",
    "SITE_URL": "http://testserver",
    "DJANGO_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "DATABASE_URL": DATABASE.url("redreport") if DATABASE else OWN_DATABASE_URL,
    "CELERY_BROKER_URL": BROKER.url,
    # Nobody listens there: a test that sends mail asks for the fixture `smtp_server`, and any other fails loudly.
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "POSTAL_ADDRESS": "Red Report Live, 1 Example Street, New York, NY 10001",
    "STRIPE_SECRET_KEY": "sk_test_simulator",
    "STRIPE_API_BASE": "http://127.0.0.1:1",
    "STRIPE_WEBHOOK_SECRETS": "whsec_for_tests_only",
    "STRIPE_CHECKOUT_ORIGINS": "http://127.0.0.1:1",
    "STATIC_ROOT": str(FOLDER / "static"),
    "MATERIALS_DIR": str(FOLDER / "materials"),
    "LOCAL_MAIL_DIR": "",
    # Tests of the second factor switch it on.
    "STAFF_SECOND_FACTOR": "0",
}

FORGOTTEN = (
    "BEHIND_TLS_PROXY",
    "DJANGO_SECRET_KEY_FALLBACKS",
    "MAIL_FROM",
    "MAIL_REPLY_TO",
    "MATERIALS_BUCKET",
    "STRIPE_AUTOMATIC_TAX",
    "STRIPE_DELAYED_PAYMENTS",
    "STRIPE_PROMOTION_CODES",
    "STRIPE_TAX_BEHAVIOR",
    "STRIPE_TAX_ID_COLLECTION",
)


def apply() -> None:
    """Put the test settings into the environment. What else a developer's shell says about Django or Stripe does not count."""
    for name in FORGOTTEN:
        os.environ.pop(name, None)
    os.environ.update(SETTINGS)
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        # Whoever wants none beside the sources has it here: a run starts a hundred processes, and each would compile all anew.
        os.environ["PYTHONPYCACHEPREFIX"] = str(FOLDER / "bytecode")
    if DATABASE:
        os.environ[EMBEDDED] = "1"
