from django.urls import path

from sessions_live.views import door, schedule

app_name = "sessions"

urlpatterns = [
    path("sessions/", schedule.schedule, name="list"),
    path("sessions/<slug:slug>/", schedule.detail, name="detail"),
    path("sessions/<slug:slug>/calendar.ics", schedule.calendar, name="calendar"),
    path("door/<str:token>/", door.door, name="door"),
    # Until hosts have a page of their own: no token of theirs opens an attendee's door.
    path("host/<str:token>/", door.door, name="host"),
]
