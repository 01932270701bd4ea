"""The table of the shared cache: sign-in limits are counted in it over all web processes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_user")]

    operations = [
        migrations.RunSQL(
            sql="""
            CREATE UNLOGGED TABLE django_cache (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamp with time zone NOT NULL
            );
            CREATE INDEX django_cache_expires ON django_cache (expires);
            """,
            reverse_sql="DROP TABLE django_cache;",
        )
    ]
