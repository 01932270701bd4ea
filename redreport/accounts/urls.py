"""Everything under /accounts/: ours first, the rest is allauth's."""

from django.urls import include, path

from redreport.accounts import views

urlpatterns = [
    path("login/", views.SignInView.as_view(), name="account_login"),
    path("login/password/", views.PasswordSignInView.as_view(), name="account_login_by_password"),
    path("login/code/", views.SignInView.as_view(), name="account_request_login_code"),
    path("login/code/confirm/", views.ConfirmSignInView.as_view(), name="account_confirm_login_code"),
    path("signup/", views.SignUpView.as_view(), name="account_signup"),
    path("confirm-email/", views.ConfirmEmailView.as_view(), name="account_email_verification_sent"),
    path("email/", views.EmailChangeView.as_view(), name="account_email"),
    path("password/set/", views.PasswordSetView.as_view(), name="account_set_password"),
    path("", include("allauth.urls")),
]
