from django.apps import AppConfig


class EnquiriesConfig(AppConfig):
    name = "redreport.enquiries"
    label = "enquiries"
    verbose_name = "Enquiries"

    def ready(self) -> None:
        from redreport.accounts.privacy import parts
        from redreport.enquiries import mails, privacy

        mails.register_kinds()
        parts.register(privacy.EnquiriesPart())
