"""Make the shop's ledger."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from django_desk.orders.ledgers import OWNER, SHOP, ledger_of_shop


class Command(BaseCommand):
    """Make the ledger and register the shop in it; a second time there is nothing to do."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do so, and say what was done."""
        with transaction.atomic(), ledger_of_shop(OWNER) as ledger:
            fresh = SHOP not in {member.name for member in ledger.staff.all()}
            if fresh:
                ledger.staff.add(SHOP, role="program")
        said = f'The ledger is made: "{OWNER}" owns it, the program "{SHOP}" records in it.'
        self.stdout.write(said if fresh else "The ledger was there already; nothing was changed.")
