"""Enquiries of institutions."""

import django.db.models.deletion
import redreport.enquiries.models
import redreport.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Enquiry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=redreport.enquiries.models.new_reference, editable=False, max_length=16, unique=True)),
                ('key', models.UUIDField(editable=False, unique=True)),
                ('name', models.CharField(max_length=120, validators=[redreport.text.validate_one_line])),
                ('firm', models.CharField(max_length=120, validators=[redreport.text.validate_one_line], verbose_name='institution')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('need', models.TextField(max_length=2000, verbose_name='what they need')),
                ('scope', models.CharField(blank=True, max_length=200, validators=[redreport.text.validate_one_line], verbose_name='by when, for how many')),
                ('state', models.CharField(choices=[('new', 'New'), ('answered', 'Answered'), ('closed', 'Closed')], default='new', max_length=8)),
                ('handled_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField()),
                ('handled_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'enquiries',
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'new')), fields=['created_at'], name='enquiry_new_idx'), models.Index(fields=['email', 'created_at'], name='enquiry_email_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('handled_at__isnull', True), ('handled_by__isnull', True), ('state', 'new')), models.Q(('state__in', ['answered', 'closed']), ('handled_at__isnull', False), ('handled_by__isnull', False)), _connector='OR'), name='enquiry_handled_says_who_and_when'), models.CheckConstraint(condition=models.Q(models.Q(('name__regex', '[[:cntrl:]]'), _negated=True), models.Q(('firm__regex', '[[:cntrl:]]'), _negated=True), models.Q(('scope__regex', '[[:cntrl:]]'), _negated=True)), name='enquiry_names_one_line')],
            },
        ),
    ]
