from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "redreport.accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from redreport.accounts import checks, mails, proof, wishes  # noqa: F401

        mails.register_kinds()
        proof.watch_proofs()
        wishes.watch_changes()
