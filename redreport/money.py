"""Money in integer minor units beside its currency. Nothing here or elsewhere holds an amount as a float."""

SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£"}
MINOR_PER_MAJOR = 100


def format_money(amount_minor: int, currency: str) -> str:
    """'$2,500' for whole amounts, '$208.33' otherwise; a currency without a sign of ours is named: '12.50 CHF'."""
    sign = "-" if amount_minor < 0 else ""
    major, minor = divmod(abs(amount_minor), MINOR_PER_MAJOR)
    digits = f"{major:,}" if minor == 0 else f"{major:,}.{minor:02d}"
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{digits} {currency.upper()}"


def shares(total_minor: int, count: int) -> list[int]:
    """An amount split into so many shares that differ by one minor unit at most and sum to it exactly; the larger come first."""
    share, left_over = divmod(total_minor, count)
    return [share + 1] * left_over + [share] * (count - left_over)


def decimal_text(amount_minor: int) -> str:
    """'2500.00', for programs that read amounts in major units."""
    major, minor = divmod(amount_minor, MINOR_PER_MAJOR)
    return f"{major}.{minor:02d}"
