"""What staff ask for a whole session: its form, what would come of it with the mails themselves, and the session's name typed."""
