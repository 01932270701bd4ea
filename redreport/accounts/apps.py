from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "redreport.accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from redreport.accounts import changes, checks, mails, proof, sign_ins  # noqa: F401
        from redreport.accounts.privacy import mails as privacy_mails
        from redreport.accounts.privacy.own_part import OwnPart
        from redreport.accounts.privacy.parts import register as register_part

        mails.register_kinds()
        privacy_mails.register_kinds()
        register_part(OwnPart())
        proof.watch_proofs()
        changes.watch_changes()
        sign_ins.watch_sign_ins()
