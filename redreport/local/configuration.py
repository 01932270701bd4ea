"""What the local stack starts and what it is told by the environment: a real service that is named replaces its embedded twin."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from redreport.local.embedded import Broker, PostgreSQL, private_folder, socket_folder
from redreport.strict_env import OFF

SIMULATOR_KEY = "sk_test_simulator"


class ConfigurationError(Exception):
    """The environment asks for something that the local stack does not do; the message says what."""


@dataclass(frozen=True)
class Configuration:
    """Where the stack lives and which twins it starts (None: the environment names a real one)."""

    run_dir: Path
    port: int
    outer: Mapping[str, str]
    database: PostgreSQL | None
    broker: Broker | None
    simulates_stripe: bool
    catches_mail: bool

    @classmethod
    def read(cls, run_dir: Path, port: int, outer: Mapping[str, str]) -> "Configuration":
        if "_live_" in outer.get("STRIPE_SECRET_KEY", ""):
            raise ConfigurationError("STRIPE_SECRET_KEY is a live key. The local stack takes test keys (sk_test_…) only.")
        private_folder(run_dir)
        sockets = socket_folder(run_dir)
        return cls(
            run_dir=run_dir,
            port=port,
            outer=outer,
            database=None if outer.get("DATABASE_URL") else PostgreSQL(run_dir / "postgres", sockets),
            broker=None if outer.get("CELERY_BROKER_URL") else Broker(run_dir / "broker", sockets),
            simulates_stripe=not outer.get("STRIPE_SECRET_KEY"),
            catches_mail=not outer.get("EMAIL_URL"),
        )

    @property
    def site_url(self) -> str:
        return self.outer.get("SITE_URL") or f"http://127.0.0.1:{self.port}"

    @property
    def asks_second_factor(self) -> bool:
        """Whether staff need a second factor for the admin, as on a real site; here only if the environment says so."""
        return self.environment()["STAFF_SECOND_FACTOR"].strip().lower() not in OFF

    @property
    def simulator_port(self) -> int:
        return self.port + 1

    @property
    def mail_port(self) -> int:
        return self.port + 2

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def mail_folder(self) -> Path:
        return private_folder(self.run_dir / "mail")

    @property
    def stripe_folder(self) -> Path:
        # What a real account told us must not be mixed up with what the simulator did.
        return private_folder(self.run_dir / ("stripe" if self.simulates_stripe else "stripe-account"))

    @property
    def webhook_secret_file(self) -> Path:
        # One for each address of ours: the endpoint of another port has a secret of its own.
        return self.stripe_folder / f"webhook-secret-{self.port}"

    def secret(self, name: str) -> str:
        """A secret of this stack, made once and kept in a file that only its owner reads."""
        path = private_folder(self.run_dir / "secrets") / name
        if not path.exists():
            unfinished = path.with_name(f"{name}.unfinished")
            unfinished.unlink(missing_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48 if name == "django-secret-key" else 9))
            unfinished.rename(path)
        return path.read_text().strip()

    def environment(self) -> dict[str, str]:
        """The environment of every process that reads Django's settings."""
        variables = {
            "DJANGO_SETTINGS_MODULE": "redreport.settings",
            # Error pages and static files as in production; `DJANGO_DEBUG=1 make run` shows tracebacks in the browser.
            "DJANGO_DEBUG": "0",
            "DJANGO_SECRET_KEY": self.secret("django-secret-key"),
            "SITE_URL": self.site_url,
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1,localhost",
            "STATIC_ROOT": str(self.run_dir / "static"),
            "MATERIALS_DIR": str(self.run_dir / "materials"),
            # The demo's staff come in by code alone; a real site wants a second factor of them.
            "STAFF_SECOND_FACTOR": "0",
            "POSTAL_ADDRESS": "Red Report Live, 1 Example Street, New York, NY 10001",
            **self.outer,
            "PYTHONUNBUFFERED": "1",
            # A proxy for the way out must not catch what these processes say to each other.
            "NO_PROXY": ",".join(filter(None, [self.outer.get("NO_PROXY"), "127.0.0.1,localhost"])),
        }
        variables["no_proxy"] = variables["NO_PROXY"]
        if self.database:
            variables["DATABASE_URL"] = self.database.url("redreport")
        if self.broker:
            variables["CELERY_BROKER_URL"] = self.broker.url
        if self.simulates_stripe:
            variables["STRIPE_SECRET_KEY"] = SIMULATOR_KEY
            variables["STRIPE_API_BASE"] = variables["STRIPE_CHECKOUT_ORIGINS"] = self.simulator_url
        if self.catches_mail:
            variables["EMAIL_URL"] = f"smtp://127.0.0.1:{self.mail_port}"
            variables["LOCAL_MAIL_DIR"] = str(self.mail_folder)
        if self.webhook_secret_file.exists() and (self.simulates_stripe or not self.outer.get("STRIPE_WEBHOOK_SECRETS")):
            variables["STRIPE_WEBHOOK_SECRETS"] = self.webhook_secret_file.read_text().strip()
        return variables
