"""Why a mail is not sent again."""


class NotFailed(Exception):
    """Only a mail that failed is tried again."""


class ContentGone(Exception):
    """What it said, such as a code, was wiped when it failed, and must not be said again."""
