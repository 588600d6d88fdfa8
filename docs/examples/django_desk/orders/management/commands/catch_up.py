"""Record the orders that have no entry yet."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from django_desk.orders.models import Order
from django_desk.orders.placing import record


class Command(BaseCommand):
    """Record each order that is missing in the ledger; a second run finds nothing to do."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do so, and say how many there were."""
        missing = 0
        for order in Order.objects.select_related("customer").order_by("pk").iterator():
            with transaction.atomic():
                missing += record(order)
        self.stdout.write(f"{missing} orders recorded")
