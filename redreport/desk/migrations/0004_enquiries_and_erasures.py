"""The desk may mark enquiries, and erase the account of a reader who writes in, as redreport/desk/roles.py named it then."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

PERMISSIONS = {"enquiries": ["change_enquiry", "view_enquiry"], "accounts": ["add_erasure"]}


def add_permissions(apps, schema_editor):
    """On a fresh database Django makes permissions only after the last migration: here first."""
    alias = schema_editor.connection.alias
    for label in PERMISSIONS:
        app_config = apps.get_app_config(label)
        # The apps of a migration have no modules, and without one nothing is made.
        module, app_config.models_module = getattr(app_config, "models_module", None), True
        try:
            create_permissions(app_config, apps=apps, verbosity=0, using=alias)
        finally:
            app_config.models_module = module
    _group(apps, alias).permissions.add(*_permissions(apps, alias))


def remove_permissions(apps, schema_editor):
    """The group stays as the migration before left it."""
    alias = schema_editor.connection.alias
    _group(apps, alias).permissions.remove(*_permissions(apps, alias))


def _group(apps, alias):
    return apps.get_model("auth", "Group").objects.using(alias).get(name="desk")


def _permissions(apps, alias):
    all_permissions = apps.get_model("auth", "Permission").objects.using(alias)
    return [
        all_permissions.get(content_type__app_label=label, codename=codename)
        for label, codenames in PERMISSIONS.items()
        for codename in codenames
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0003_groups"),
        ("enquiries", "0001_enquiry"),
        ("accounts", "0003_sign_ins_and_erasures"),
    ]

    operations = [migrations.RunPython(add_permissions, remove_permissions)]
