from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "redreport.audit"
    verbose_name = "Audit trail"
