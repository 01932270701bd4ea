"""With a bucket configured, files go there and readers are led to it by an address signed for an hour."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.storage import storages
from django.test import Client

from redreport import clock
from sessions_live.models import Material
from sessions_live.operations.materials import remove_material
from sessions_live.seat_links import REPLAY
from tests import environment
from tests.afterwards import PDF, add_file, release, seat_in_past_hour
from tests.factories import make_staff

pytestmark = pytest.mark.django_db(transaction=True)


class Bucket(ThreadingHTTPServer):
    """As much of an S3-compatible store as is asked of it: objects by path, put, looked for, deleted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BucketRequest)
        self.objects: dict[str, bytes] = {}
        self.signed: list[bool] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class BucketRequest(BaseHTTPRequestHandler):
    server: Bucket

    def do_PUT(self) -> None:
        self.server.objects[self.path] = self._body()
        self._answer(200)

    def do_HEAD(self) -> None:
        self._answer(200 if self.path in self.server.objects else 404)

    def do_DELETE(self) -> None:
        self.server.objects.pop(self.path, None)
        self._answer(204)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked" and "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        return b"".join(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _answer(self, status: int) -> None:
        self.server.signed.append("Signature=" in self.headers.get("Authorization", ""))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def storage_settings(bucket: Bucket) -> dict[str, Any]:
    """What redreport.settings makes of an environment that names the bucket."""
    named = {
        "MATERIALS_BUCKET": "materials",
        "MATERIALS_ENDPOINT": bucket.url,
        "MATERIALS_REGION": "us-east-1",
        "MATERIALS_ACCESS_KEY": "a-key",
        "MATERIALS_SECRET_KEY": "a-secret",
    }
    show = "import json; from redreport import settings; print(json.dumps(settings.STORAGES['materials']))"
    shown = subprocess.run(
        [sys.executable, "-c", show], check=True, env={**os.environ, **environment.SETTINGS, **named}, capture_output=True
    )
    configured: dict[str, Any] = json.loads(shown.stdout)
    return configured


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    server = Bucket()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.STORAGES = {**settings.STORAGES, "materials": storage_settings(server)}
    # The field asked for its store when the program started.
    monkeypatch.setattr(Material._meta.get_field("file"), "storage", storages["materials"])
    yield server
    server.shutdown()
    server.server_close()


def test_the_whole_way_of_a_file(client: Client, bucket: Bucket) -> None:
    seat = seat_in_past_hour()
    material = add_file(seat.live_session)
    release(seat.live_session)

    [(path, stored)] = bucket.objects.items()
    assert stored == PDF
    assert path == f"/materials/{material.file.name}"
    assert all(bucket.signed)

    page = client.get(REPLAY.url(seat).removeprefix("http://testserver")).content.decode()
    assert bucket.url not in page
    [link] = re.findall(r'href="(/materials/[^"]+)"', page)
    answer = client.get(link)
    assert answer.status_code == 302
    address = urlsplit(answer["Location"])
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{bucket.url}{path}"
    assert asked["X-Amz-Expires"] == "3600"
    assert len(asked["X-Amz-Signature"]) == 64
    assert asked["response-content-disposition"] == 'attachment; filename="notes-on-the-plenum.pdf"'
    assert asked["response-content-type"] == "application/pdf"
    assert "a-secret" not in answer["Location"]

    remove_material(material_id=material.pk, actor=make_staff(), now=clock.now() + timedelta(minutes=1))
    assert bucket.objects == {}
