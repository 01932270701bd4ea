"""The meeting provider's side of a door: a server on this machine that greets whoever comes and remembers how they came."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Meeting:
    """`referrers` has the Referer of every visit, None where the browser sent none."""

    url: str
    referrers: list[str | None] = field(default_factory=list)


@contextmanager
def meeting_open() -> Iterator[Meeting]:
    """The provider's server, for as long as the block lasts."""
    referrers: list[str | None] = []

    class Greeter(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = (
                b"<!doctype html><html lang=en><link rel=icon href='data:,'><title>Meeting</title><h1>You are in the meeting</h1>"
            )
            referrers.append(self.headers["Referer"])
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the test says what it saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Greeter)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Meeting(f"http://127.0.0.1:{server.server_port}", referrers)
    finally:
        server.shutdown()
        server.server_close()
