"""Where institutions ask."""

from django.urls import path

from redreport.enquiries import views

app_name = "enquiries"
urlpatterns = [
    path("institutions/", views.ask, name="ask"),
    path("institutions/<str:reference>/", views.thanks, name="thanks"),
]
