"""The first page, the account's overview, and what load balancers ask."""

from django.urls import path

from redreport.pages import mail_wishes, own_data, probes, profile, sign_ins, views

app_name = "pages"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("account/", views.account, name="account"),
    path("account/profile/", profile.profile, name="profile"),
    path("account/sign-ins/", sign_ins.sign_ins, name="sign_ins"),
    path("account/export/", own_data.export, name="export"),
    path("account/erase/", own_data.erase, name="erase"),
    path("account/mails/", mail_wishes.wishes, name="wishes"),
    path("mail/unsubscribe/<str:token>/", mail_wishes.unsubscribe, name="unsubscribe"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
