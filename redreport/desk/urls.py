"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import drafts, jobs, readers, season

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<uuid:public_id>/", jobs.job, name="desk_job"),
    path("jobs/<uuid:public_id>/try-again/", jobs.try_again, name="desk_job_try_again"),
    path("readers/import/", readers.import_readers, name="desk_import_readers"),
    path("credits/grant/", readers.grant_credits, name="desk_grant_credits"),
    path("season/", season.season, name="desk_season"),
    path("sessions/<int:pk>/preview/", drafts.preview, name="desk_preview_session"),
    path("sessions/<int:pk>/publish/", drafts.publish, name="desk_publish_session"),
    path("sessions/<int:pk>/duplicate/", drafts.duplicate, name="desk_duplicate_session"),
]
