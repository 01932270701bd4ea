"""What the supervisor tells the person at the terminal: steps, addresses, demo accounts, and the log lines that matter."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress

from redreport.local.configuration import Configuration
from redreport.local.processes import Process

IMPORTANT = re.compile(r"\b(warning|error|critical)\b|^Traceback", re.IGNORECASE)
MAIL_ARRIVED = "a mail arrived: "
NAME_WIDTH = len("worker-stripe")


class Console:
    def __init__(self, configuration: Configuration, accounts: list[tuple[str, str]]) -> None:
        self.configuration = configuration
        self.accounts = accounts
        self._read: dict[str, int] = {}

    def say(self, words: str) -> None:
        # The terminal may be gone; that must not keep the stack from stopping in order.
        with suppress(OSError):
            print(words, flush=True)

    def problem(self, words: str) -> None:
        with suppress(OSError):
            print(f"\n{words}\nThe logs are in {self.configuration.run_dir / 'log'}.", file=sys.stderr, flush=True)

    def ready(self) -> None:
        """Print where everything is and who can sign in."""
        site = self.configuration.site_url
        rows = [("Site", f"{site}/"), ("Admin", f"{site}/admin/")]
        if self.configuration.catches_mail:
            rows.append(("Mails sent", f"{site}/dev/mail/"))
        if self.configuration.simulates_stripe:
            rows.append(("Stripe simulator", f"{self.configuration.simulator_url}/"))
        rows.append(("Logs and data", f"{self.configuration.run_dir}/"))
        if not self.configuration.asks_second_factor:
            rows.append(("Second factor", "not asked of staff here; a real site asks (STAFF_SECOND_FACTOR)"))
        rows += self.accounts
        width = max(len(label) for label, _ in rows)
        lines = [f"  {label.ljust(width)}  {value}" for label, value in rows]
        self.say("\n" + "\n".join(["Red Report Live is ready.", "", *lines, "", "Ctrl-C stops everything."]) + "\n")

    def follow(self, processes: Mapping[str, Process]) -> None:
        """Print the new log lines that a developer should see, each with the name of its process."""
        for name, process in processes.items():
            column = name.ljust(NAME_WIDTH)
            for line in self._new_lines(name, process):
                if line.startswith(MAIL_ARRIVED):
                    self.say(f"{column} | {self.configuration.site_url}/dev/mail/{line.removeprefix(MAIL_ARRIVED)}/")
                elif name not in ("database", "broker") and IMPORTANT.search(line):
                    self.say(f"{column} | {line}")

    def _new_lines(self, name: str, process: Process) -> list[str]:
        if process.log is None:
            return []
        with process.log.open("rb") as log:
            log.seek(self._read.get(name, process.log_start))
            complete, newline, _ = log.read().rpartition(b"\n")
            self._read[name] = self._read.get(name, process.log_start) + len(complete) + len(newline)
        return complete.decode(errors="replace").splitlines()
