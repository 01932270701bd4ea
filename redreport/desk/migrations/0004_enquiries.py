"""The desk may see enquiries and mark them as answered, as redreport/desk/roles.py named it when this was written."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

CODENAMES = ["change_enquiry", "view_enquiry"]


def add_permissions(apps, schema_editor):
    """On a fresh database Django makes permissions only after the last migration: here first."""
    alias = schema_editor.connection.alias
    app_config = apps.get_app_config("enquiries")
    # The apps of a migration have no modules, and without one nothing is made.
    module, app_config.models_module = getattr(app_config, "models_module", None), True
    try:
        create_permissions(app_config, apps=apps, verbosity=0, using=alias)
    finally:
        app_config.models_module = module
    _group(apps, alias).permissions.add(*_permissions(apps, alias))


def remove_permissions(apps, schema_editor):
    """Who is in the group sees enquiries no more; the group stays as the migration before left it."""
    alias = schema_editor.connection.alias
    _group(apps, alias).permissions.remove(*_permissions(apps, alias))


def _group(apps, alias):
    return apps.get_model("auth", "Group").objects.using(alias).get(name="desk")


def _permissions(apps, alias):
    all_permissions = apps.get_model("auth", "Permission").objects.using(alias)
    found = all_permissions.filter(content_type__app_label="enquiries", codename__in=CODENAMES)
    if len(found) != len(CODENAMES):
        raise RuntimeError("not every permission on enquiries is there")
    return found


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0003_groups"),
        ("enquiries", "0001_enquiry"),
    ]

    operations = [migrations.RunPython(add_permissions, remove_permissions)]
