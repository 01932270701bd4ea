"""The mails that the stack's catcher caught, as the people they are for read them."""

import re
from pathlib import Path

from redreport.local.mailbox import CaughtMail, find_mail
from tests.stack import wait_for

CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)


class Mailbox:
    """The folder of caught mails; each is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mails: dict[str, CaughtMail] = {}

    def mails_to(self, address: str) -> list[CaughtMail]:
        """What that address got so far, oldest first."""
        for path in sorted(self._folder.glob("[!.]*.eml")):
            mail = self._mails.get(path.name) or find_mail(self._folder, path.name)
            assert mail
            self._mails[path.name] = mail
        return [mail for _, mail in sorted(self._mails.items()) if address in mail.recipient]

    def wait_for_mail(self, address: str, subject: str) -> CaughtMail:
        """The newest mail to that address whose subject has these words, as soon as it is there."""
        found: list[CaughtMail] = []

        def arrived() -> bool:
            found[:] = [mail for mail in self.mails_to(address) if subject in mail.subject]
            return bool(found)

        wait_for(arrived, f"the mail '{subject}' to {address}")
        return found[-1]

    def wait_for_code(self, address: str) -> str:
        """The six digits in the mail that brings a code."""
        code = CODE.search(self.wait_for_mail(address, "is your sign-in code").text)
        assert code
        return code[1]
