"""Which plots the books have, and from which tables they are drawn."""

from functools import partial

from redreport.desk.books.definitions import BY_NAME, Section
from redreport.desk.books.plots import Plot, Series
from redreport.desk.books.tables import Table
from redreport.money import format_money

# Which figures are drawn of a section, whether as lines, and what to say of it to whom does not see it.
DRAWN: dict[Section, tuple[tuple[str, ...], bool]] = {
    Section.CASH: (("payments", "refunds", "cash_total"), False),
    Section.EARNED: (("earned_seats", "earned_credits", "earned_expired", "earned_total"), False),
    Section.OWED: (("coming", "booked", "unused", "owed_total"), True),
    Section.DUE: (("due_coming", "due_booked", "due_unused"), False),
    Section.SEATS: (("seats_total", "capacity", "no_shows"), False),
    Section.YEARS: (("annual_recurring",), True),
}


def plot_of(table: Table) -> Plot | None:
    """The plot of a table; none where there is no month to draw."""
    names, is_lines = DRAWN[table.section]
    labels = [line.month.words for line in table.lines]
    if not labels:
        return None
    series = [Series(BY_NAME[name].label, table.column(name)) for name in names]
    drawn = ", ".join(item.label.lower() for item in series)
    span = labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
    return Plot(
        name=table.name,
        title=table.title,
        describe=f"{'Lines' if is_lines else 'Bars'} by month, {span}: {drawn}. The table beside it has the numbers.",
        labels=labels,
        series=series,
        say=_counted if table.section == Section.SEATS else partial(format_money, currency=table.currency),
        is_lines=is_lines,
    )


def _counted(number: int) -> str:
    return f"{number:,}"
