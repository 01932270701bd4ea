"""A real SMTP server for tests. It keeps what it takes, and refuses, loses answers or is down when it is told to."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern_policy
from typing import Any, Literal

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import free_ports


@dataclass(frozen=True)
class ReceivedMail:
    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=modern_policy)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    def part(self, content_type: str) -> str:
        """The text of the first part of that type, e.g. text/plain, text/html, text/calendar."""
        for part in self.message.walk():
            if part.get_content_type() == content_type:
                content = part.get_content()
                return content if isinstance(content, str) else content.decode()
        raise AssertionError(f"no {content_type} in this mail")


@dataclass
class MailServer:
    """`url` is an EMAIL_URL. `mails` holds what was accepted; `attempts` counts the messages or recipients it was offered."""

    port: int
    mails: list[ReceivedMail] = field(default_factory=list)
    attempts: int = 0
    _refusal: str | None = None
    _stage: Literal["recipient", "data"] = "data"
    _refusals_left: int | None = None
    _every: int | None = None
    _loses_answers: bool = False
    _controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Accept connections."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, server_hostname="localhost", ready_timeout=20)
        self._controller.start()

    def stop(self) -> None:
        """Refuse connections, as a server that is down."""
        if self._controller:
            self._controller.stop(no_assert=True)
            self._controller = None

    def answer(
        self,
        code: int,
        text: str = "no",
        *,
        stage: Literal["recipient", "data"] = "data",
        times: int | None = None,
    ) -> None:
        """Refuse with `code` at that stage, the next `times` times or until `accept()`."""
        self._refusal, self._stage, self._refusals_left = f"{code} {text}", stage, times

    def answer_every(self, number: int, code: int, text: str = "later") -> None:
        """Refuse with `code` every so-manieth message, until `accept()`."""
        self.answer(code, text)
        self._every = number

    def lose_answers(self) -> None:
        """Take each message, and break the connection instead of saying so."""
        self._loses_answers = True

    def accept(self) -> None:
        """Take everything again."""
        self._refusal, self._every, self._loses_answers = None, None, False

    def _refusal_at(self, stage: str) -> str | None:
        if self._refusal is None or self._stage != stage or self._refusals_left == 0:
            return None
        if self._every and self.attempts % self._every:
            return None
        if self._refusals_left is not None:
            self._refusals_left -= 1
        return self._refusal

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: Any) -> str:
        if refusal := self._refusal_at("recipient"):
            self.attempts += 1
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.attempts += 1
        if refusal := self._refusal_at("data"):
            return refusal
        content = envelope.original_content or b""
        self.mails.append(ReceivedMail(envelope.mail_from or "", list(envelope.rcpt_tos), content))
        if self._loses_answers:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 OK"


@pytest.fixture(scope="session", autouse=True)
def real_mail_backend(django_test_environment: None) -> None:
    """Undo the test runner's swap: mail goes over a socket, and fails loudly where a test started no server."""
    from django.conf import settings

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(scope="session")
def smtp_port() -> int:
    return free_ports()


@pytest.fixture
def smtp_server(settings: Any, smtp_port: int) -> Iterator[MailServer]:
    """A mail server that Django's settings point at; give `smtp_server.url` as EMAIL_URL to processes beside this one."""
    server = MailServer(smtp_port)
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    server.start()
    yield server
    server.stop()
