"""Addresses of people who are not known any more: nothing is ever sent to one."""

# Reserved for names that lead nowhere (RFC 2606).
DOMAIN = "erased.invalid"


def erased_address(number: int) -> str:
    """What stands in place of the address of the account with this number."""
    return f"erased-{number}@{DOMAIN}"


def is_erased(email: str) -> bool:
    """Whether somebody's address stood here once."""
    return email.lower().endswith(f"@{DOMAIN}")
