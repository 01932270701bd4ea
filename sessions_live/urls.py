from django.urls import path

from sessions_live import views

app_name = "sessions"

urlpatterns = [
    path("sessions/", views.schedule, name="list"),
    path("sessions/<slug:slug>/", views.detail, name="detail"),
    path("sessions/<slug:slug>/calendar.ics", views.calendar, name="calendar"),
    path("door/<str:token>/", views.door, name="door"),
]
