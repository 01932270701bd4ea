"""Every mail of the program with sample data, rendered by its own code. The rows that it speaks of are made in a transaction
that is rolled back: nothing of it is ever seen by anybody else, handed to a worker or sent."""
