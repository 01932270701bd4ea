"""Everything under /accounts/: ours first, the rest is allauth's."""

from django.urls import include, path

from redreport.accounts import mfa_views, views

urlpatterns = [
    path("login/", views.SignInView.as_view(), name="account_login"),
    path("login/password/", views.PasswordSignInView.as_view(), name="account_login_by_password"),
    path("login/code/", views.SignInView.as_view(), name="account_request_login_code"),
    path("login/code/confirm/", views.ConfirmSignInView.as_view(), name="account_confirm_login_code"),
    path("signup/", views.SignUpView.as_view(), name="account_signup"),
    path("confirm-email/", views.ConfirmEmailView.as_view(), name="account_email_verification_sent"),
    path("email/", views.EmailChangeView.as_view(), name="account_email"),
    path("password/set/", views.PasswordSetView.as_view(), name="account_set_password"),
    path("password/change/", views.PasswordChangeView.as_view(), name="account_change_password"),
    path("password/reset/", views.ForgottenPasswordView.as_view(), name="account_reset_password"),
    path("password/reset/confirm/", views.ConfirmResetView.as_view(), name="account_confirm_password_reset_code"),
    path("2fa/", mfa_views.SecurityView.as_view(), name="mfa_index"),
    path("2fa/authenticate/", mfa_views.GiveFactorView.as_view(), name="mfa_authenticate"),
    path("2fa/totp/activate/", mfa_views.SetUpAppView.as_view(), name="mfa_activate_totp"),
    path("2fa/webauthn/add/", mfa_views.AddPasskeyView.as_view(), name="mfa_add_webauthn"),
    path("2fa/webauthn/login/", mfa_views.PasskeySignInView.as_view(), name="mfa_login_webauthn"),
    path("2fa/webauthn/reauthenticate/", mfa_views.PasskeyAgainView.as_view(), name="mfa_reauthenticate_webauthn"),
    path("2fa/recovery-codes/", mfa_views.RecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path("", include("allauth.urls")),
]
