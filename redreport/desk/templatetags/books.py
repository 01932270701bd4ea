"""The way from a figure of the books to the rows behind it."""

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from redreport.desk.books.tables import Value

register = template.Library()


@register.simple_tag
def rows_address(value: Value, currency: str, asked: str) -> str:
    """The address of a figure's rows; `asked` are the chosen months, which the way back leads to."""
    about = urlencode({"figure": value.figure.name, "currency": currency, "month": str(value.month)})
    return f"{reverse('admin:desk_books_rows')}?{about}&{asked}"
