"""Tables whose rows are written once. PostgreSQL itself refuses to change them, whatever code asks it to."""

from django.db.migrations.operations import RunSQL

_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change_of_written_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
"""


def append_only(table: str) -> RunSQL:
    """
    A reversible migration operation after which UPDATE and DELETE of the table's rows raise IntegrityError.

    TRUNCATE stays possible; `never_emptied` refuses that too.
    """
    trigger = f"{table}_append_only"
    return RunSQL(
        sql=f"{_FUNCTION}CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_written_row();",
        reverse_sql=f"DROP TRIGGER {trigger} ON {table};",
    )


def never_emptied(table: str) -> RunSQL:
    """A reversible migration operation after which TRUNCATE of the table raises IntegrityError. It comes after `append_only`."""
    trigger = f"{table}_never_emptied"
    return RunSQL(
        sql=f"CREATE TRIGGER {trigger} BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_written_row();",
        reverse_sql=f"DROP TRIGGER {trigger} ON {table};",
    )
