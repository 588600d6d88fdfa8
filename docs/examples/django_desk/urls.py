"""The shop's addresses."""

from django.urls import include, path

from django_desk.orders import views

urlpatterns = [
    path("accounts/", include("django.contrib.auth.urls")),
    path("orders", views.orders),
    path("customers/<int:customer>/fit", views.show_fit),
]
