"""What buying keeps of a person, and what must be over before it can be forgotten."""
