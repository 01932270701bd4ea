"""The mail catcher: an SMTP server that writes each mail into a folder instead of sending it anywhere."""

import argparse
import itertools
import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from redreport.local.embedded import private_folder

READY = "mail catcher ready"


class Catcher:
    """Keeps each message as <time>-<n>.eml, complete or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name that aiosmtpd calls
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{next(self._numbers)}.eml"
        unfinished = self.folder / f".{name}"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(envelope.original_content or b"")
        unfinished.rename(self.folder / name)
        print(f"a mail arrived: {name}", flush=True)
        return "250 OK"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m redreport.local.mailcatcher", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    controller = Controller(
        Catcher(private_folder(arguments.dir)), hostname="127.0.0.1", port=arguments.port, server_hostname="localhost"
    )
    controller.start()
    print(READY, flush=True)
    stop.wait()
    controller.stop()


if __name__ == "__main__":
    main()
