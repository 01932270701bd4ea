"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import jobs, mail_previews

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<uuid:public_id>/", jobs.job, name="desk_job"),
    path("jobs/<uuid:public_id>/try-again/", jobs.try_again, name="desk_job_try_again"),
    path("mails/previews/", mail_previews.previews, name="desk_mail_previews"),
    path("mails/previews/<slug:kind>/<slug:variant>/", mail_previews.mail_preview, name="desk_mail_preview"),
    path("mails/previews/<slug:kind>/<slug:variant>/html/", mail_previews.mail_preview_html, name="desk_mail_preview_html"),
]
