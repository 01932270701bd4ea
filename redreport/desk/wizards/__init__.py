"""What staff fill in to change a whole session, and how the times that they type are read."""
