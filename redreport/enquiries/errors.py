"""What is refused about enquiries."""


class TooManyEnquiries(Exception):
    """From this address came as many within the hour as one address may send."""
