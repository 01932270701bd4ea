"""The pages of the schedule and the seats, one module a subject."""
