"""The books: cash, what was earned and what is still owed, by month, reckoned in the database from the very rows that hold it."""
