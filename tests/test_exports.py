"""Lists as files: complete, harmless when a spreadsheet program opens them, and written down."""

import csv
import io
import re
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.spreadsheets import cell, download, harmless, major
from sessions_live.models import Seat
from subscriptions.models import SeatCoverage
from tests.canceling import book, cancel
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, CY, party_of
from tests.waiting import waits

LISTS = [
    "/admin/subscriptions/order/",
    "/admin/subscriptions/payment/",
    "/admin/subscriptions/refund/",
    "/admin/subscriptions/creditentry/",
    "/admin/subscriptions/subscriber/",
    "/admin/sessions_live/waitlistentry/",
]


@pytest.fixture
def staff(transactional_db: None) -> User:
    return make_staff()


@pytest.fixture
def desk(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def taken(client: Client, address: str, extension: str = "csv") -> bytes:
    answer = client.post(address, {"format": extension})
    assert answer.status_code == 200
    assert answer["Content-Disposition"].endswith(f'.{extension}"')
    return body_of(answer)


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def sheet_of(body: bytes) -> Any:
    return load_workbook(io.BytesIO(body)).active


def unsafe_parts(page: Any) -> list[str]:
    """What the strict policy would refuse in a page: a script or a style within it, or an attribute that is one."""
    return re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page.content.decode())


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\ufeff=1",
        "\u200b=1",
        "＝1",
        "＋1",
        "－1",
        "＠A",
        "﹦1",
        "−1",
    ],
)
def test_text_that_could_begin_a_formula_is_marked_as_text(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada;=1+1;x", "Ada;'=1+1;x"),
        ('Ada; "＠A1', "Ada;' \"＠A1"),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_text_that_could_begin_a_formula_where_semicolons_part_cells_is_marked_too(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize(
    "text", ["Firm; Partner", "O'Neil", "a=b", "Jean-Luc", "x@example.com", "", "李 明", "3M", "“Quoted”", "– Smith"]
)
def test_other_text_stays_what_it_is(text: str) -> None:
    assert harmless(text) == text


def test_numbers_times_and_nothing_are_written_as_such() -> None:
    winter, summer = datetime(2027, 1, 6, 16, tzinfo=UTC), datetime(2027, 7, 6, 15, tzinfo=UTC)
    assert [cell(value) for value in (-5, Decimal("-1.50"), None, True)] == [-5, Decimal("-1.50"), "", "yes"]
    assert [cell(winter), cell(summer)] == ["2027-01-06T11:00:00-05:00", "2027-07-06T11:00:00-04:00"]
    assert (str(major(25000)), str(major(-1)), major(None)) == ("250.00", "-0.01", None)
    assert cell("bell\x07 \ud800") == "bell\ufffd \ufffd"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "+" + "n" * 119])
def test_planted_name_is_harmless_and_readable_in_both_files(desk: Client, name: str) -> None:
    live_session = make_live_session()
    Seat.objects.filter(pk=make_guest_seat(live_session).pk).update(attendee_name=name, attendee_firm=name)
    address = f"/admin/desk/sessions/{live_session.pk}/roster/export/"
    shown = name if name.startswith("<") else "'" + name
    [row] = rows_of(taken(desk, address))
    assert (row["Name"], row["Firm"]) == (shown, shown)
    sheet = sheet_of(taken(desk, address, "xlsx"))
    assert (sheet["A2"].value, sheet["A2"].data_type) == (shown, "s")
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


@pytest.mark.parametrize(("extension", "rows"), [("csv", 100_000), ("xlsx", 10_000)])
def test_large_file_is_written_row_by_row_and_not_held_in_memory(extension: str, rows: int) -> None:
    tracemalloc.start()
    response, written = download(
        name="large", extension=extension, headers=["Name", "Amount"], rows=(["n" * 100, number] for number in range(rows))
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (written, sum(len(part) for part in response) > rows * 5) == (rows, True)
    assert most < 4 * 1024 * 1024


def test_roster_says_of_each_seat_who_sits_there_and_what_was_paid(shop: Shop, desk: Client, staff: User) -> None:
    live_session, buyer, reader = make_live_session(), make_user("Ada Reader"), make_user("Zoe Credit", firm="Red & Co")
    shop.promote("ODD", amount_off=1, currency="usd")
    order = shop.sell_seats(buyer, live_session, party_of(buyer, BO, CY), promotion_code="ODD")
    make_credits(reader)
    book(reader, live_session)
    guest, wired = make_guest_seat(live_session, staff=staff), make_guest_seat(live_session, staff=staff)
    SeatCoverage.objects.filter(seat=wired).update(kind="offline", amount_minor=20000, currency="usd", paid_on="2027-01-05")
    Seat.objects.filter(pk=guest.pk).update(attendee_name="Moe Guest", entered_at=datetime(2027, 1, 6, 16, tzinfo=UTC))
    Seat.objects.filter(pk=wired.pk).update(attendee_name="Pat Wire")
    shop.hold_seat(make_user("Quin Held"), live_session)
    rows = rows_of(taken(desk, f"/admin/desk/sessions/{live_session.pk}/roster/export/"))
    said = [[row[name] for name in ("Name", "Source", "Amount", "Currency", "Order", "State")] for row in rows]
    assert said == [
        ["Ada Reader", "paid", "250.00", "USD", order.number, "confirmed"],
        ["Bo Chen", "paid", "250.00", "USD", order.number, "confirmed"],
        ["Cy Doe", "paid", "249.99", "USD", order.number, "confirmed"],
        ["Moe Guest", "complimentary", "", "", "", "confirmed"],
        ["Pat Wire", "offline payment", "200.00", "USD", "", "confirmed"],
        ["Quin Held", "not paid yet", "", "", "", "held"],
        ["Zoe Credit", "credit", "", "", "", "confirmed"],
    ]
    assert (rows[1]["E-mail"], rows[1]["Firm"], rows[1]["Booked by"]) == (BO.email, "Hill & Co", buyer.email)
    assert rows[3]["Entered at"] == "2027-01-06T11:00:00-05:00"
    entry = AuditEntry.objects.get(verb="exported")
    assert (entry.actor, entry.target_type, entry.target_id) == (staff, "sessions_live.livesession", str(live_session.pk))
    assert (entry.reason, entry.detail) == ("Roster: 7 rows as CSV", {"what": "Roster", "rows": 7, "format": "csv"})
    sheet = sheet_of(taken(desk, f"/admin/desk/sessions/{live_session.pk}/roster/export/", "xlsx"))
    assert (sheet["E2"].value, sheet["E2"].number_format) == (250, "0.00")


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
@pytest.mark.parametrize("address", LISTS)
def test_lists_are_exported_as_they_are_filtered(shop: Shop, desk: Client, address: str, extension: str) -> None:
    live_session = make_live_session(capacity=3)
    seat = shop.sell_seat(make_user(email="ada@example.com"), live_session)
    cancel(seat)
    shop.sell_seat(make_user(email="bo@example.com"), live_session)
    reader = make_user(email="cy@example.com")
    make_credits(reader, 2)
    book(reader, live_session)
    make_guest_seat(live_session)
    waits(live_session, make_user(email="di@example.com"))
    assert unsafe_parts(desk.get(address + "export/")) == []
    body = taken(desk, address + "export/", extension)
    count = len(rows_of(body)) if extension == "csv" else sheet_of(body).max_row - 1
    model = site._registry[next(model for model in site._registry if f"/{model._meta.model_name}/" in address)].model
    assert count == model.objects.count() > 0
    entry = AuditEntry.objects.get(verb="exported")
    assert (entry.target_type, entry.target_id, entry.detail["rows"]) == (model._meta.label_lower, "", count)
    nobody = taken(desk, address + "export/?q=nobody@example.com", extension)
    assert (len(rows_of(nobody)) if extension == "csv" else sheet_of(nobody).max_row - 1) == 0


@pytest.mark.parametrize("address", LISTS)
def test_list_offers_its_export_and_no_import(desk: Client, address: str) -> None:
    answer = desk.get(address)
    page = answer.content.decode()
    assert unsafe_parts(answer) == []
    assert f'href="{address}export/' in page
    assert "/import/" not in page
    assert desk.get(address + "import/").status_code in (302, 404)


def test_no_list_can_be_imported_into() -> None:
    assert [model for model, admin in site._registry.items() if hasattr(admin, "import_action")] == []


@pytest.mark.django_db
@pytest.mark.parametrize("address", [*LISTS, "roster"])
def test_export_needs_the_permission_to_see(address: str) -> None:
    live_session = make_live_session()
    is_roster = address == "roster"
    address = f"/admin/desk/sessions/{live_session.pk}/roster/export/" if is_roster else address + "export/"
    client, colleague = Client(), make_user(email="colleague@example.com", is_staff=True)
    client.force_login(colleague)
    assert (client.get(address).status_code, client.post(address, {"format": "csv"}).status_code) == (403, 403)
    name = "export_rosterseat" if is_roster else f"view_{address.split('/')[3]}"
    colleague.user_permissions.add(Permission.objects.get(codename=name))
    assert client.post(address, {"format": "csv"}).status_code == 200
    assert client.post(address, {"format": "json"}).status_code == 200
    assert AuditEntry.objects.filter(verb="exported").count() == 1


@pytest.mark.django_db
def test_export_asks_as_many_questions_for_many_rows_as_for_few() -> None:
    live_session, staff, client = make_live_session(capacity=100), make_staff(), Client()
    client.force_login(staff)
    asked = []
    for _ in range(2):
        for _ in range(5):
            make_guest_seat(live_session, staff=staff)
        with CaptureQueriesContext(connection) as captured:
            taken(client, f"/admin/desk/sessions/{live_session.pk}/roster/export/")
        asked.append(len(captured.captured_queries))
    assert asked[0] == asked[1]
