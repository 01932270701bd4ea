from django.urls import path

from subscriptions import views
from subscriptions.webhooks.receive import receive

app_name = "subscriptions"

urlpatterns = [
    path("plans/", views.plans, name="plans"),
    path("plans/annual/", views.subscribe, name="subscribe"),
    path("sessions/<slug:slug>/reserve/", views.reserve, name="reserve"),
    path("sessions/<slug:slug>/use-credit/", views.use_credit, name="use_credit"),
    path("orders/<str:number>/", views.order, name="order"),
    path("orders/<str:number>/pay/", views.pay, name="pay"),
    path("orders/<str:number>/release/", views.release, name="release"),
    path("account/credits/", views.credits, name="credits"),
    path("webhooks/stripe/", receive, name="webhook"),
]
