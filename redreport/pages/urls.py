"""The first page, the rules in writing, the account's overview, what programs and load balancers ask."""

from django.urls import path

from redreport.pages import legal, machines, mail_wishes, own_data, probes, profile, sign_ins, views

app_name = "pages"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("terms/", legal.terms, name="terms"),
    path("privacy/", legal.privacy, name="privacy"),
    path("refunds/", legal.refunds, name="refunds"),
    path("account/", views.account, name="account"),
    path("account/profile/", profile.profile, name="profile"),
    path("account/sign-ins/", sign_ins.sign_ins, name="sign_ins"),
    path("account/export/", own_data.export, name="export"),
    path("account/erase/", own_data.erase, name="erase"),
    path("account/mails/", mail_wishes.wishes, name="wishes"),
    path("mail/unsubscribe/<str:token>/", mail_wishes.unsubscribe, name="unsubscribe"),
    path("sitemap.xml", machines.sitemap, name="sitemap"),
    path("robots.txt", machines.robots, name="robots"),
    path("site.webmanifest", machines.manifest, name="manifest"),
    path("favicon.ico", machines.favicon, name="favicon"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
