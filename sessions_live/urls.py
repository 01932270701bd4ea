from django.urls import path

from sessions_live.views import cant_come, door, feeds, host, replay, schedule

app_name = "sessions"

urlpatterns = [
    path("sessions/", schedule.schedule, name="list"),
    path("sessions/<slug:slug>/", schedule.detail, name="detail"),
    path("sessions/<slug:slug>/calendar.ics", schedule.calendar, name="calendar"),
    path("api/sessions.json", feeds.schedule_as_json, name="json"),
    path("api/sessions/<slug:slug>/seats.json", feeds.seats, name="seats"),
    path("calendar.ics", feeds.public, name="feed"),
    path("calendar/<uuid:key>.ics", feeds.own, name="own_feed"),
    path("account/calendar/", feeds.change_own_address, name="own_feed_address"),
    path("door/<str:token>/", door.door, name="door"),
    path("seats/cant-come/<str:token>/", cant_come.cant_come, name="cant_come"),
    path("door/<str:token>/question/", door.question, name="question"),
    path("host/<str:token>/", host.host, name="host"),
    path("replay/<str:token>/", replay.replay, name="replay"),
    path("materials/<str:token>/", replay.material, name="material"),
]
