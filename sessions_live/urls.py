from django.urls import path

from sessions_live.views import door, replay, schedule

app_name = "sessions"

urlpatterns = [
    path("sessions/", schedule.schedule, name="list"),
    path("sessions/<slug:slug>/", schedule.detail, name="detail"),
    path("sessions/<slug:slug>/calendar.ics", schedule.calendar, name="calendar"),
    path("door/<str:token>/", door.door, name="door"),
    path("replay/<str:token>/", replay.replay, name="replay"),
    path("materials/<str:token>/", replay.material, name="material"),
]
