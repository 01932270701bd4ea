"""The HTTP server: Stripe's API below /v1, the pages people see, and the controls below /_simulator."""

import json
import socket
import sys
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from .api import Api, Request
from .control_api import ControlApi
from .errors import ApiError
from .jsontypes import Json
from .pages import answer_page
from .simulator import Simulator

MAX_BODY_BYTES = 1_000_000


class SimulatorServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self.simulator: Simulator
        self.api: Api
        self.control: ControlApi

    def serve(self, simulator: Simulator) -> None:
        """Answer requests until `shutdown`."""
        self.simulator = simulator
        self.api = Api(simulator)
        self.control = ControlApi(simulator, self.api)
        self.serve_forever(poll_interval=0.1)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            traceback.print_exc()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StripeSimulator"
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 120
    server: SimulatorServer

    def _handle(self) -> None:
        target = urlsplit(self.path)
        body = self._body()
        if body is None:
            return
        if target.path.startswith("/v1/"):
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = self.server.api.answer(Request(self.command, target.path, target.query, body, headers))
            if reply.dropped:
                self._drop()
            else:
                self._send(reply.status, reply.body.encode(), "application/json", reply.headers)
        elif target.path.startswith("/_simulator/"):
            status, answer = self._control(target.path, body)
            self._send(status, json.dumps(answer).encode(), "application/json", {})
        else:
            page = answer_page(self.server.simulator, self.command, target.path, body)
            content = page.body.encode() if isinstance(page.body, str) else page.body
            self._send(page.status, content, page.content_type, page.headers)

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _body(self) -> str | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(413, b"", "text/plain", {})
            return None
        return self.rfile.read(length).decode()

    def _control(self, path: str, body: str) -> tuple[int, Json]:
        try:
            return 200, self.server.control.answer(self.command, path, json.loads(body) if body else {})
        except (LookupError, TypeError, ValueError, ApiError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def _drop(self) -> None:
        """Hang up without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, content: bytes, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(status, HTTPStatus(status).phrase)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests carry names and addresses."""
