"""Payments that the reader's bank takes days to make."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_whole_billing")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="under_way_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
