"""Customers place orders; staff look at the fit."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required, user_passes_test
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.views.decorators.http import require_safe

from custledger.edges.explaining import explain
from custledger.errors import NotFoundError
from django_desk.orders.ledgers import customer_number, ledger_of_shop
from django_desk.orders.placing import place_order


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """The form, or an order that was placed with it."""
    if request.method != "POST":
        return render(request, "orders/order.html")
    article, cents = request.POST.get("article", ""), request.POST.get("cents", "")
    if not article or not cents.isdecimal():
        return HttpResponseBadRequest("Give article and cents.")
    order = place_order(request.user, article, int(cents))
    return render(request, "orders/order.html", {"order": order}, status=201)


@require_safe
@user_passes_test(lambda user: user.is_staff)
@transaction.atomic
def show_fit(request: HttpRequest, customer: int) -> HttpResponse:
    """Why a customer's fit is what it is: for staff, who are registered in the ledger by name."""
    with ledger_of_shop(request.user.get_username()) as ledger:
        try:
            text = str(explain(ledger, customer_number(customer)))
        except NotFoundError as error:
            return HttpResponse(str(error), status=404, content_type="text/plain")
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
