from django.urls import path

from subscriptions.views import account, buying, cancel, handover, orders, waitlist, years
from subscriptions.webhooks.receive import receive

app_name = "subscriptions"

urlpatterns = [
    path("plans/", buying.plans, name="plans"),
    path("plans/annual/", buying.subscribe, name="subscribe"),
    path("sessions/<slug:slug>/reserve/", buying.reserve, name="reserve"),
    path("sessions/<slug:slug>/use-credit/", buying.use_credit, name="use_credit"),
    path("sessions/<slug:slug>/waitlist/", waitlist.join, name="join_waitlist"),
    path("sessions/<slug:slug>/waitlist/leave/", waitlist.leave, name="leave_waitlist"),
    path("sessions/<slug:slug>/offer/", waitlist.offer, name="offer"),
    path("orders/<str:number>/", orders.order, name="order"),
    path("orders/<str:number>/pay/", orders.pay, name="pay"),
    path("orders/<str:number>/release/", orders.release, name="release"),
    path("seats/<uuid:public_id>/cancel/", cancel.cancel, name="cancel"),
    path("seats/<uuid:public_id>/hand-over/", handover.hand_over, name="hand_over"),
    path("account/credits/", account.credits, name="credits"),
    path("account/renewal/", years.renewal, name="renewal"),
    path("account/portal/", years.portal, name="portal"),
    path("webhooks/stripe/", receive, name="webhook"),
]
