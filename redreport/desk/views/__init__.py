"""Pages of the desk that span both apps, one module a subject."""
