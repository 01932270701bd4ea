"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import (
    announcing,
    attendance,
    canceling,
    changes,
    check_in,
    drafts,
    jobs,
    mail_previews,
    moving,
    readers,
    roster,
    season,
    seat,
    seats,
    waitlist,
)

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
    path("readers/import/", readers.import_readers, name="desk_import_readers"),
    path("credits/grant/", readers.grant_credits, name="desk_grant_credits"),
    path("season/", season.season, name="desk_season"),
    path("sessions/<int:pk>/preview/", drafts.preview, name="desk_preview_session"),
    path("sessions/<int:pk>/publish/", drafts.publish, name="desk_publish_session"),
    path("sessions/<int:pk>/duplicate/", drafts.duplicate, name="desk_duplicate_session"),
    path("sessions/<int:pk>/cancel-seats/", seats.cancel, name="desk_cancel_seats"),
    path("sessions/<int:pk>/move-seats/", seats.move, name="desk_move_seats"),
    path("sessions/<int:pk>/hand-over/", seats.hand_over, name="desk_hand_over"),
    path("sessions/<int:pk>/resend/", seats.resend, name="desk_resend"),
    path("sessions/<int:pk>/restore-credits/", seats.restore_credits, name="desk_restore_credits"),
    path("sessions/<int:pk>/give-seats/", seats.comp, name="desk_comp"),
    path("sessions/<int:pk>/offline-payment/", seats.offline, name="desk_offline"),
    path("mails/previews/", mail_previews.previews, name="desk_mail_previews"),
    path("mails/previews/<slug:kind>/<slug:variant>/", mail_previews.mail_preview, name="desk_mail_preview"),
    path("mails/previews/<slug:kind>/<slug:variant>/html/", mail_previews.mail_preview_html, name="desk_mail_preview_html"),
]
