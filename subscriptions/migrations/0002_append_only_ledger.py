from django.db import migrations

from redreport.audit.triggers import append_only


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_first_tables"), ("audit", "0001_audit_entry")]

    operations = [append_only("subscriptions_creditentry")]
