"""The groups host, desk and finance with their permissions, as redreport/desk/roles.py named them when this was written."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GROUPS = {
    "host": {
        "sessions_live": [
            "view_feedback",
            "view_livesession",
            "view_question",
        ],
    },
    "desk": {
        "accounts": [
            "add_user",
            "change_user",
            "view_user",
        ],
        "audit": [
            "view_auditentry",
        ],
        "desk": [
            "add_announcement",
            "export_rosterseat",
            "view_job",
            "view_rosterseat",
        ],
        "outbox": [
            "change_outgoingmail",
            "view_outgoingmail",
        ],
        "sessions_live": [
            "add_host",
            "add_livesession",
            "add_material",
            "change_host",
            "change_livesession",
            "change_material",
            "change_seat",
            "change_waitlistentry",
            "delete_host",
            "delete_livesession",
            "delete_material",
            "view_doorentry",
            "view_feedback",
            "view_host",
            "view_livesession",
            "view_material",
            "view_question",
            "view_seat",
            "view_waitlistentry",
        ],
        "subscriptions": [
            "add_creditgrant",
            "add_seatcoverage",
            "change_case",
            "change_stripeevent",
            "change_subscription",
            "view_autobooking",
            "view_autobookingattempt",
            "view_case",
            "view_creditentry",
            "view_creditgrant",
            "view_dispute",
            "view_invoice",
            "view_order",
            "view_payment",
            "view_price",
            "view_reconciliation",
            "view_refund",
            "view_renewalnotice",
            "view_seatcoverage",
            "view_stripeevent",
            "view_subscriber",
            "view_subscription",
            "view_subscriptionchange",
        ],
    },
    "finance": {
        "audit": [
            "view_auditentry",
        ],
        "desk": [
            "export_rosterseat",
            "view_books",
            "view_rosterseat",
        ],
        "sessions_live": [
            "view_livesession",
            "view_seat",
        ],
        "subscriptions": [
            "change_case",
            "change_subscription",
            "view_case",
            "view_creditentry",
            "view_creditgrant",
            "view_dispute",
            "view_invoice",
            "view_order",
            "view_payment",
            "view_price",
            "view_reconciliation",
            "view_refund",
            "view_renewalnotice",
            "view_seatcoverage",
            "view_subscriber",
            "view_subscription",
            "view_subscriptionchange",
        ],
    },
}


def make_groups(apps, schema_editor):
    """Make the groups, or complete them. On a fresh database Django makes permissions only after the last migration: here first."""
    alias = schema_editor.connection.alias
    for app_label in {app_label for permissions in GROUPS.values() for app_label in permissions}:
        app_config = apps.get_app_config(app_label)
        # The apps of a migration have no modules, and without one nothing is made.
        module, app_config.models_module = getattr(app_config, "models_module", None), True
        try:
            create_permissions(app_config, apps=apps, verbosity=0, using=alias)
        finally:
            app_config.models_module = module
    groups = apps.get_model("auth", "Group").objects.using(alias)
    all_permissions = apps.get_model("auth", "Permission").objects.using(alias)
    for name, permissions in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        for app_label, codenames in permissions.items():
            found = all_permissions.filter(content_type__app_label=app_label, codename__in=codenames)
            if len(found) != len(codenames):
                raise RuntimeError(f"not every permission of {name} for {app_label} is there")
            group.permissions.add(*found)


def remove_groups(apps, schema_editor):
    """Who was in them keeps their account, and may do nothing in the admin until they are given something else."""
    apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_user"),
        ("audit", "0001_audit_entry"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("desk", "0002_jobs_and_announcements"),
        ("outbox", "0002_mail_wishes"),
        ("sessions_live", "0005_hosts_accounts_and_places"),
        ("subscriptions", "0006_asked_for_by_staff"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
