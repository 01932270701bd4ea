"""Where the mail provider tells of bounces."""

from redreport.outbox.provider import tracking_addresses

app_name = "anymail"
urlpatterns = tracking_addresses()
