"""README.md and docs/ speak of what is there: everything they name exists, and the lists that claim to be whole are whole."""

import re
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from redreport import policy
from redreport.celery import app as celery
from redreport.local import urls as local_urls
from redreport.local.demo_accounts import DEMO_ACCOUNTS
from redreport.local.supervisor import REPOSITORY
from subscriptions.webhooks.handlers import HANDLERS
from tests.stripe_simulator.cards import CARDS

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
OUR_APPS = ("accounts", "audit", "limits", "outbox", "enquiries", "sessions_live", "subscriptions", "desk")
MOST_BYTES_OF_A_PICTURE = 200_000
# Values in redreport.policy that follow from Stripe and are nobody's decision.
HOW_STRIPE_IS_ASKED = {"SHORTEST_CHECKOUT", "CHECK_PENDING_EVERY", "CHECK_UNDER_WAY_EVERY", "CHECK_EXPIRED_AFTER"}

DRAWING = re.compile(r"```mermaid\n.*?```", re.DOTALL)
FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TOP_LEVEL = ("redreport/", "sessions_live/", "subscriptions/", "templates/", "tests/", "docs/", ".ci/")
FORBIDDEN = re.compile(
    r"(?<![\w.])/(?:work|root|tmp|home|Users)\b|\bissues? #|\bpypi\b|pythonhosted|\bnpmjs\b|\bregistry\.", re.IGNORECASE
)


def words_of(page: Path) -> str:
    return DRAWING.sub("", page.read_text())


def code_in(page: Path) -> list[str]:
    """What a page sets as code: each span, each line of a block."""
    text = words_of(page)
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    return [*(" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text))), *lines]


def anchors_in(page: Path) -> set[str]:
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


def section(page: str, heading: str) -> str:
    text = (REPOSITORY / page).read_text()
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


def table_cells(text: str, column: int) -> list[str]:
    """The cells of one column of every table in the text, without heads and rulers."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [row[column].strip() for row in rows if not set(row[0].strip()) <= {"-"}]


def spans(cells: Iterable[str]) -> set[str]:
    return {name for cell in cells for name in SPAN.findall(cell)}


@pytest.fixture(scope="module")
def source() -> str:
    """All of the program's own text but this module's, to look names up in."""
    folders = ("redreport", "sessions_live", "subscriptions", "templates", "tests")
    files = [path for folder in folders for path in (REPOSITORY / folder).rglob("*") if path.suffix in (".py", ".html", ".txt")]
    files += [REPOSITORY / name for name in ("Makefile", "pyproject.toml")]
    return "\n".join(path.read_text() for path in files if path != Path(__file__))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
class TestPage:
    def test_its_links_lead_somewhere(self, page: Path) -> None:
        for target in LINK.findall(words_of(page)):
            path, _, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            assert not target.startswith("http"), f"{target} leads out of the repository"
            assert linked.exists(), target
            assert not anchor or anchor in anchors_in(linked), target

    def test_the_paths_it_names_exist(self, page: Path) -> None:
        for code in code_in(page):
            for name in re.findall(r"[\w./-]+", code):
                if name.startswith(TOP_LEVEL):
                    assert (REPOSITORY / name).exists(), name

    def test_its_commands_exist(self, page: Path) -> None:
        makefile = (REPOSITORY / "Makefile").read_text()
        targets = set(re.findall(r"^([\w./-]+):", makefile, re.MULTILINE))
        for code in code_in(page):
            assert set(re.findall(r"\bmake ([\w./-]+)", code)) - {"python3-venv"} <= targets, code
            assert set(re.findall(r"\bmanage\.py (\w+)", code)) <= set(get_commands()), code
            assert all(find_spec(module) for module in re.findall(r"python -m ([\w.]+)", code)), code
            assert set(re.findall(r"celery .* call ([\w.]+)", code)) <= set(celery.tasks), code

    def test_its_addresses_exist(self, page: Path) -> None:
        here = re.compile(r"^(?:http://127\.0\.0\.1:8000)?(/(?:[\w.-]+/?)*)$")
        for code in code_in(page):
            if match := here.match(code):
                address = match[1]
                if address.startswith("/dev/"):
                    assert any(pattern.resolve(address.removeprefix("/dev/")) for pattern in local_urls.urlpatterns), address
                    continue
                try:
                    resolve(address)
                except Resolver404:
                    pytest.fail(f"{address} leads nowhere")

    def test_the_names_in_it_are_in_the_source(self, page: Path, source: str) -> None:
        for name in code_in(page):
            if re.fullmatch(r"[A-Za-z_][\w.]{3,}", name):
                last = name.rsplit(".", 1)[-1]
                is_there = (REPOSITORY / name).exists() or re.search(rf"\b{re.escape(last)}\b", source)
                assert is_there, f"{name} is nowhere in the source"

    def test_it_keeps_to_itself_what_is_no_business_of_its_readers(self, page: Path) -> None:
        assert FORBIDDEN.findall(page.read_text()) == []


def declared_packages() -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    return {re.split(r"[=<>]", wanted)[0] for group in groups for wanted in group}


def test_every_dependency_is_explained() -> None:
    named = spans(table_cells((REPOSITORY / "docs/dependencies.md").read_text(), 0))
    assert named == declared_packages()


def test_every_variable_is_listed() -> None:
    read = set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', (REPOSITORY / "redreport/settings.py").read_text()))
    assert spans(table_cells(section("docs/operations.md", "Configuration"), 0)) == read


def test_every_constraint_is_listed() -> None:
    models = [model for label in OUR_APPS for model in apps.get_app_config(label).get_models()]
    constraints = {constraint.name for model in models for constraint in model._meta.constraints}
    assert spans(table_cells(section("docs/architecture.md", "What the database itself refuses"), 0)) == constraints


def test_every_sweep_is_listed_with_indexes_that_exist() -> None:
    sweeps = section("docs/architecture.md", "Sweeps")
    assert spans(table_cells(sweeps, 0)) == {entry["task"] for entry in celery.conf.beat_schedule.values()}
    models = [model for label in OUR_APPS for model in apps.get_app_config(label).get_models()]
    assert spans(table_cells(sweeps, 2)) <= {index.name for model in models for index in model._meta.indexes}


def test_every_event_is_listed() -> None:
    assert spans(table_cells(section("docs/billing.md", "What each event does"), 0)) == set(HANDLERS)


def test_every_test_card_is_listed() -> None:
    numbers = [cell.replace(" ", "") for cell in table_cells(section("docs/billing.md", "Test cards"), 0)]
    assert {number for number in numbers if number.isdigit()} == set(CARDS)


def test_every_rule_of_the_house_is_put_to_the_owner() -> None:
    rules = {name for name in vars(policy) if name.isupper()}
    assert rules - HOW_STRIPE_IS_ASKED == rules & spans([(REPOSITORY / "docs/owner-decisions.md").read_text()])


def test_the_demo_accounts_are_listed() -> None:
    named = spans(table_cells(section("README.md", "Start it"), 0))
    assert {email for _, email in DEMO_ACCOUNTS} <= named


def test_every_decision_is_in_their_index() -> None:
    folder = REPOSITORY / "docs" / "adr"
    assert set(LINK.findall((folder / "README.md").read_text())) == {path.name for path in folder.glob("[0-9]*.md")}


def test_the_pictures_are_small_and_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (REPOSITORY / "docs" / "images").iterdir()}
    assert {name for name, size in pictures.items() if size > MOST_BYTES_OF_A_PICTURE} == set()
    shown = {Path(target).name for page in PAGES for target in LINK.findall(page.read_text())}
    assert set(pictures) <= shown
