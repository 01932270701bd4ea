"""What staff fill in on the desk's pages, and how what they type is read."""
