"""Record the orders that have no entry yet."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from django_desk.orders.placing import catch_up


class Command(BaseCommand):
    """Record each order that is missing in the ledger; a second run finds nothing to do."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do so, and say how many there were."""
        customers = get_user_model().objects.filter(order__isnull=False).distinct()
        missing = sum(catch_up(user) for user in customers.order_by("pk"))
        self.stdout.write(f"{missing} orders recorded")
