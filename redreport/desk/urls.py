"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import attendance, check_in, jobs, roster, seat, waitlist

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<uuid:public_id>/", jobs.job, name="desk_job"),
    path("jobs/<uuid:public_id>/try-again/", jobs.try_again, name="desk_job_try_again"),
    # The roster of a session, and what is done on the day.
    path("sessions/<int:pk>/roster/", roster.roster, name="desk_roster"),
    path("sessions/<int:pk>/roster/print/", roster.roster_print, name="desk_roster_print"),
    path("seats/<int:pk>/", seat.seat_story, name="desk_seat"),
    path("sessions/<int:pk>/check-in/", check_in.check_in, name="desk_check_in"),
    path("sessions/<int:pk>/check-in/<int:seat_id>/", check_in.check_in_one, name="desk_check_in_seat"),
    path("sessions/<int:pk>/check-in/<int:seat_id>/undo/", check_in.undo_one, name="desk_undo_check_in"),
    path("sessions/<int:pk>/attendance/", attendance.import_attendance, name="desk_import_attendance"),
    path("sessions/<int:pk>/waitlist/", waitlist.waitlist, name="desk_waitlist"),
    path("sessions/<int:pk>/waitlist/change/", waitlist.change_waitlist, name="desk_change_waitlist"),
]
