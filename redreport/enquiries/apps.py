from django.apps import AppConfig


class EnquiriesConfig(AppConfig):
    name = "redreport.enquiries"
    label = "enquiries"
    verbose_name = "Enquiries"

    def ready(self) -> None:
        from redreport.enquiries import mails

        mails.register_kinds()
