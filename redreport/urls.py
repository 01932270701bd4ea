"""Where every app's addresses meet."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from redreport.desk.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("redreport.pages.urls")),
    path("", include("subscriptions.urls")),
    path("", include("sessions_live.urls")),
    path("", include("redreport.enquiries.urls")),
    path("accounts/", include("redreport.accounts.urls")),
    path("admin/", admin.site.urls),
    path("mail/anymail/", include("redreport.outbox.urls")),
    path("metrics", metrics),
]

if settings.LOCAL_MAIL_DIR:
    urlpatterns.append(path("dev/", include("redreport.local.urls")))

handler400 = "redreport.pages.errors.bad_request"
handler403 = "redreport.pages.errors.permission_denied"
handler404 = "redreport.pages.errors.page_not_found"
handler500 = "redreport.pages.errors.server_error"
