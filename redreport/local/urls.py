from django.urls import path

from redreport.local import views

app_name = "local"
urlpatterns = [
    path("style/", views.style, name="style"),
    path("mail/", views.mails, name="mails"),
    path("mail/<str:name>/", views.mail, name="mail"),
    path("mail/<str:name>/html/", views.mail_html, name="mail_html"),
]
