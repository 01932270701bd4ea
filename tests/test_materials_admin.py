"""Staff add what stays of an hour: files of known kinds up to a size, or an address; nobody else can send so much as a byte."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from redreport import policy
from redreport.audit.models import AuditEntry
from sessions_live.models import LiveSession, Material
from tests.afterwards import PDF, add_file, seat_in_past_hour
from tests.factories import make_live_session, make_staff, make_user

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/sessions_live/material/add/"
MB = 1024 * 1024


@pytest.fixture
def live_session() -> LiveSession:
    return make_live_session()


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def filled_in(live_session: LiveSession, **fields: Any) -> dict[str, Any]:
    return {"live_session": live_session.pk, "kind": "notes", "title": "Notes", "position": 0, "url": "", **fields}


def upload(name: str = "notes.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_file_is_stored_and_the_trail_says_by_whom(desk: Client, live_session: LiveSession) -> None:
    assert desk.get(ADD).status_code == 200
    assert desk.post(ADD, filled_in(live_session, file=upload())).status_code == 302

    material = Material.objects.get()
    with material.file.open() as stored:
        assert stored.read() == PDF
    entry = AuditEntry.objects.get(verb="material_added")
    assert (entry.target_id, entry.detail) == (str(live_session.pk), {"material": material.pk, "kind": "notes"})


def test_two_files_of_one_name_are_two_files(desk: Client, live_session: LiveSession) -> None:
    for content in (PDF, PDF + b" anew"):
        desk.post(ADD, filled_in(live_session, file=upload(content=content)))
    assert len({material.file.name for material in Material.objects.all()}) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.html", b"<script>alert(1)</script>"),
        ("notes.pdf", b"<script>alert(1)</script>"),
        ("notes.pdf.exe", PDF),
        ("notes", PDF),
        ("hour.mp4", b"%PDF-1.7 no film"),
        ("notes.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(desk: Client, live_session: LiveSession, name: str, content: bytes) -> None:
    html = desk.post(ADD, filled_in(live_session, file=upload(name, content))).content.decode()
    assert "It is not a file of these kinds" in html
    assert not Material.objects.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("NOTES.PDF", PDF),
        ("hour.mp4", b"\x00\x00\x00\x20ftypisom and so on"),
        ("hour.mp3", b"ID3\x04 and so on"),
        ("slides.pptx", b"PK\x03\x04 and so on"),
    ],
)
def test_known_kinds_are_taken(desk: Client, live_session: LiveSession, name: str, content: bytes) -> None:
    assert desk.post(ADD, filled_in(live_session, file=upload(name, content))).status_code == 302


@pytest.mark.parametrize("fields", [{}, {"file": PDF, "url": "https://video.example.com/x"}])
def test_it_is_a_file_or_an_address_and_not_both(desk: Client, live_session: LiveSession, fields: dict[str, Any]) -> None:
    given = {**fields, **({"file": upload()} if "file" in fields else {})}
    assert "Give a file or an address: one of both." in desk.post(ADD, filled_in(live_session, **given)).content.decode()
    assert not Material.objects.exists()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://video.example.com/x", "ftp://video.example.com/x"])
def test_an_address_is_a_safe_one(desk: Client, live_session: LiveSession, url: str) -> None:
    assert desk.post(ADD, filled_in(live_session, url=url)).status_code == 200
    assert not Material.objects.exists()


def test_an_address_is_kept(desk: Client, live_session: LiveSession) -> None:
    assert desk.post(ADD, filled_in(live_session, kind="replay", url="https://video.example.com/x")).status_code == 302
    assert Material.objects.get().url == "https://video.example.com/x"


def test_its_title_can_be_put_right_but_not_its_file(desk: Client) -> None:
    material = add_file(seat_in_past_hour().live_session)
    page = f"/admin/sessions_live/material/{material.pk}/change/"
    assert 'type="file"' not in desk.get(page).content.decode()

    desk.post(page, {"kind": "notes", "title": "Better", "position": 3, "file": upload(content=PDF + b" other")})

    changed = Material.objects.get()
    assert (changed.title, changed.position, changed.file.name) == ("Better", 3, material.file.name)
    assert AuditEntry.objects.get(verb="material_changed").detail["fields"] == ["position", "title"]


def test_deleting_it_takes_its_file_along(desk: Client) -> None:
    material = add_file(seat_in_past_hour().live_session)
    storage, name = material.file.storage, material.file.name or ""

    desk.post(f"/admin/sessions_live/material/{material.pk}/delete/", {"post": "yes"})

    assert not Material.objects.exists()
    assert not storage.exists(name)
    assert AuditEntry.objects.filter(verb="material_removed").count() == 1


class TestBounds:
    """What is too long is refused before any of it is read: the bodies here cannot be read without an error."""

    def post(self, client: Client, path: str, length: int) -> int:
        class Unread(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                raise AssertionError("it was read")

        extra = {"CONTENT_LENGTH": str(length), "CONTENT_TYPE": "multipart/form-data; boundary=x", "wsgi.input": Unread()}
        return client.generic("POST", path, **extra).status_code  # type: ignore[arg-type]

    @pytest.mark.parametrize("path", ["/", "/accounts/login/", "/admin/sessions_live/host/add/"])
    def test_other_pages_take_no_files_even_from_staff(self, desk: Client, path: str) -> None:
        assert self.post(desk, path, 2 * MB) == 413

    def test_a_stranger_and_a_reader_can_send_none(self, client: Client) -> None:
        assert self.post(client, ADD, 2 * MB) == 413
        client.force_login(make_user())
        assert self.post(client, ADD, 2 * MB) == 413

    def test_nobody_can_send_more_than_the_largest(self, desk: Client) -> None:
        assert self.post(desk, ADD, policy.LARGEST_MATERIAL_BYTES + 2 * MB) == 413

    def test_staff_send_a_file_larger_than_other_pages_take(self, desk: Client, live_session: LiveSession) -> None:
        assert desk.post(ADD, filled_in(live_session, file=upload(content=PDF + bytes(3 * MB)))).status_code == 302
        assert Material.objects.get().file.size == len(PDF) + 3 * MB

    def test_a_file_just_too_large_is_refused_in_words(
        self, desk: Client, live_session: LiveSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(policy, "LARGEST_MATERIAL_BYTES", MB)
        html = desk.post(ADD, filled_in(live_session, file=upload(content=PDF + bytes(MB)))).content.decode()
        assert "It is larger than 1 MB." in html
