"""docs/guarantees.md promises nothing without a test: all that it names exist, and no promise is missing."""

import ast
import re
from collections import Counter
from functools import cache

from redreport.local.supervisor import REPOSITORY
from tests.test_docs import section, spans, table_cells
from tests.test_guards import GUARDS

PAGE = "docs/guarantees.md"
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)(?:\[([\w-]+)\])?")
# What holds always, then what could go wrong: with what Stripe tells, with buying, credits, refunds, years, on the
# waitlist, with sessions that change, mails, at the door, with what staff may, and with what they do with many.
PROMISES = {"A": 17, "W": 16, "P": 13, "C": 7, "R": 7, "Y": 9, "Q": 6, "S": 9, "M": 9, "D": 4, "N": 8, "B": 6, "K": 9}
GUARD_TEST = ("tests/test_guards.py", "test_without_the_guard_the_harm_is_done")


@cache
def names_of_tests(path: str) -> set[str]:
    tree = ast.parse((REPOSITORY / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def promises() -> dict[str, str]:
    """The whole row of each promise by its number."""
    rows = re.findall(r"^\| ([A-Z]\d+) \|(.*)\|$", (REPOSITORY / PAGE).read_text(), re.MULTILINE)
    assert [number for number, count in Counter(number for number, _ in rows).items() if count > 1] == []
    return dict(rows)


def guards_taken_out() -> list[tuple[str, str]]:
    """What each row of the last section says of the harm, and its test."""
    text = section(PAGE, "Guards that were taken out")
    rows = zip(table_cells(text, 1), table_cells(text, 2), strict=True)
    return [(harm, test) for harm, test in rows if TEST.search(test)]


def test_no_promise_is_missing() -> None:
    expected = {f"{letter}{number}" for letter, last in PROMISES.items() for number in range(1, last + 1)}
    assert set(promises()) == expected


def test_every_promise_has_its_test() -> None:
    assert [number for number, row in promises().items() if not TEST.search(row)] == []


def test_every_test_it_names_exists() -> None:
    named = {name: TEST.fullmatch(name) for name in spans([(REPOSITORY / PAGE).read_text()]) if "::" in name}
    exists = {name for name, match in named.items() if match and match[2] in names_of_tests(match[1])}
    assert set(named) - exists == set()
    guards = {match[3] for match in named.values() if match and match[3]}
    assert guards == {guard.name for guard in GUARDS}


def test_the_guards_that_were_taken_out_are_listed_with_their_harm() -> None:
    listed = {
        match[3]: harm for harm, test in guards_taken_out() if (match := TEST.search(test)) and match.group(1, 2) == GUARD_TEST
    }
    assert listed == {guard.name: guard.harm for guard in GUARDS}
    assert len(guards_taken_out()) == len(GUARDS) + 1
