"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import jobs, seats

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<uuid:public_id>/", jobs.job, name="desk_job"),
    path("jobs/<uuid:public_id>/try-again/", jobs.try_again, name="desk_job_try_again"),
    path("sessions/<int:pk>/cancel-seats/", seats.cancel, name="desk_cancel_seats"),
    path("sessions/<int:pk>/move-seats/", seats.move, name="desk_move_seats"),
    path("sessions/<int:pk>/hand-over/", seats.hand_over, name="desk_hand_over"),
    path("sessions/<int:pk>/resend/", seats.resend, name="desk_resend"),
    path("sessions/<int:pk>/restore-credits/", seats.restore_credits, name="desk_restore_credits"),
    path("sessions/<int:pk>/give-seats/", seats.comp, name="desk_comp"),
    path("sessions/<int:pk>/offline-payment/", seats.offline, name="desk_offline"),
]
