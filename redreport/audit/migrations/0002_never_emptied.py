"""The audit trail is not emptied either, by nobody and at no stroke."""

from django.db import migrations

from redreport.audit.triggers import never_emptied


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_audit_entry")]

    operations = [never_emptied("audit_auditentry")]
