"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import announcing, canceling, changes, jobs, moving

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<uuid:public_id>/", jobs.job, name="desk_job"),
    path("jobs/<uuid:public_id>/try-again/", jobs.try_again, name="desk_job_try_again"),
    # What is done to a whole session, and what became of it.
    path("sessions/<int:pk>/move/", moving.move_session, name="desk_move_session"),
    path("sessions/<int:pk>/cancel/", canceling.cancel_session, name="desk_cancel_session"),
    path("sessions/<int:pk>/announce/", announcing.announce_to_session, name="desk_announce"),
    path("sessions/<int:pk>/changes/", changes.changes, name="desk_changes"),
    path("changes/<int:pk>/", changes.change, name="desk_change"),
    path("announcements/<uuid:public_id>/", changes.announcement, name="desk_announcement"),
]
