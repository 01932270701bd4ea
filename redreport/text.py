"""Checks of what people type that later stands in a header, a subject or a printed list."""

import re

from django.core.exceptions import ValidationError

# The longest name and firm, in characters, wherever one is typed or kept: what an account may hold, an order and a seat can too.
NAME_LENGTH = 120
FIRM_LENGTH = 120
# What a column for an address holds; a form by itself lets longer ones pass.
EMAIL_LENGTH = 254

# Signs of references and order numbers: without letters and digits that are mistaken for each other when read aloud.
READ_ALOUD = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

# Every control character (line feeds and tabs among them) and the two Unicode line separators.
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def validate_one_line(value: str) -> None:
    """Refuse line breaks and other control characters: with them a name could add headers of its own to a mail."""
    if _NOT_ONE_LINE.search(value):
        raise ValidationError(
            "Write this on one line, without line breaks or other control characters.",
            code="one_line",
        )
