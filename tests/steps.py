"""What one step of an operation meets in the database, so that it is known which two steps may change places unnoticed."""

import re
from dataclasses import dataclass, field

from django.apps import apps

NOTHING: frozenset[str] = frozenset()
STRIPE = "Stripe"

_READ = re.compile(r'\b(?:FROM|JOIN) "?(\w+)"?')
_WRITTEN = re.compile(r'^\s*(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)"?')
_LOCKED = re.compile(r' FOR (NO KEY )?UPDATE(?: OF ("\w+"(?:, "\w+")*))?')
_ID = re.compile(r"(?<=_)\w+$|(?<=_)\w+(?=/)")
_UNDERSTOOD = ("SELECT", "INSERT INTO", "UPDATE", "DELETE FROM")


@dataclass(frozen=True)
class Step:
    """One statement, one commit or rollback, or one call to Stripe; tables by name.

    What is read is seen as committed. What is touched was locked or written, and is kept from others until it is published: by
    the commit, or at once where the statement commits itself. A commit also looks for the rows to which new rows refer (`keys`).
    """

    what: str
    reads: frozenset[str] = NOTHING
    touches: frozenset[str] = NOTHING
    writes: frozenset[str] = NOTHING
    # Of which a key may have been changed, or a row taken away: only that makes a look at `keys` wait.
    rekeys: frozenset[str] = NOTHING
    keys: frozenset[str] = NOTHING
    publishes: frozenset[str] = NOTHING

    def commutes_with(self, other: "Step") -> bool:
        """Whether it makes no difference which of the two comes first, be they two operations' steps that follow each other."""
        return not (
            self.touches & other.touches
            or self.publishes & other._sees()
            or other.publishes & self._sees()
            or self.keys & other.rekeys
            or other.keys & self.rekeys
        )

    def _sees(self) -> frozenset[str]:
        return self.reads | self.touches | self.keys


@dataclass
class Transaction:
    """The steps of one connection: what it touches and has not published yet."""

    touched: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def statement(self, sql: str, *, commits_itself: bool) -> Step | None:
        """This statement as a step; None for one that concerns nobody else."""
        if sql.startswith(("SAVEPOINT", "RELEASE SAVEPOINT")):
            return None
        if sql.startswith("ROLLBACK TO SAVEPOINT"):
            return Step("ROLLBACK TO SAVEPOINT", publishes=frozenset(self.touched))
        assert sql.lstrip().startswith(_UNDERSTOOD), f"it is not known what this statement meets: {sql}"
        reads, written, locked, rekeyed = _tables_of(sql)
        touches = written | locked
        what = f"{sql.split(maxsplit=1)[0]}{' and lock' if locked else ''} {', '.join(sorted(touches or reads))}"
        if commits_itself:
            return Step(what, reads, touches, written, rekeyed, _referred_to(written), touches)
        self.touched |= touches
        self.written |= written
        return Step(what, reads, touches, written, rekeyed)

    def end(self, what: str) -> Step:
        """The commit or the rollback, which lets go of everything."""
        step = Step(what, keys=_referred_to(self.written), publishes=frozenset(self.touched))
        self.touched, self.written = set(), set()
        return step


def call_to_stripe(method: str, path: str) -> Step:
    """A request as a step: whatever is not a question changes what the other's questions are answered."""
    there, what = frozenset({STRIPE}), f"{method} {_ID.sub('…', path.partition('?')[0])}"
    if method == "GET":
        return Step(what, reads=there)
    return Step(what, touches=there, publishes=there)


def _tables_of(sql: str) -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """Tables read, written, locked, and those of which keys may change."""
    read = frozenset(_READ.findall(sql))
    if "advisory" in sql:
        return read, NOTHING, frozenset({"advisory locks"}), NOTHING
    if written := _WRITTEN.match(sql):
        table = frozenset({written[2]})
        return read, table, NOTHING, NOTHING if written[1] == "INSERT INTO" else table
    if locked := _LOCKED.search(sql):
        tables = frozenset(re.findall(r"\w+", locked[2])) if locked[2] else read
        assert tables <= read, f"it is not known what this statement locks: {sql}"
        return read, NOTHING, tables, NOTHING if locked[1] else tables
    return read, NOTHING, NOTHING, NOTHING


def _referred_to(tables: frozenset[str] | set[str]) -> frozenset[str]:
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.db_table in tables]
    relations = [field.related_model for model in models for field in model._meta.concrete_fields if field.is_relation]
    return frozenset(related._meta.db_table for related in relations if related and not isinstance(related, str))
