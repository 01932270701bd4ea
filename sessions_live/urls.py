from django.urls import path

from sessions_live.views import cant_come, door, schedule

app_name = "sessions"

urlpatterns = [
    path("sessions/", schedule.schedule, name="list"),
    path("sessions/<slug:slug>/", schedule.detail, name="detail"),
    path("sessions/<slug:slug>/calendar.ics", schedule.calendar, name="calendar"),
    path("door/<str:token>/", door.door, name="door"),
    path("seats/cant-come/<str:token>/", cant_come.cant_come, name="cant_come"),
    # Until hosts have a page of their own: no token of theirs opens an attendee's door.
    path("host/<str:token>/", door.door, name="host"),
]
