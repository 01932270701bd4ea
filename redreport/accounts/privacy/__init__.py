"""What the house knows of a person: all of it in one file, and all of it forgotten, but for what the books must keep."""
