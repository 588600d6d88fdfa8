"""Make the desk's database, once: ``python -m fastapi_desk.prepare``. It may be run again."""

from __future__ import annotations

import os

from sqlalchemy import create_engine

from custledger import Money, open_ledger
from fastapi_desk.tickets import Base, set_up_sqlite

OWNER = "Olivia Owner"
MAIL = "ann@example.org"


def prepare(url: str) -> None:
    """Make the ledger, its staff and one customer, then the desk's tables, which refer to it."""
    engine = create_engine(url)
    set_up_sqlite(engine)
    with open_ledger(engine, actor=OWNER, zone="Europe/London", currency="GBP") as ledger:
        with ledger.transaction():
            if "Sam" not in {member.name for member in ledger.staff.all()}:
                ledger.staff.add("Sam")
                ledger.staff.set_rate(Money.of(30, "GBP"))
                ledger.customers.add("Ann", email=MAIL)
        print(f"The customer Ann is {ledger.customers.get(MAIL).id}.")  # noqa: T201
    Base.metadata.create_all(engine)
    engine.dispose()


if __name__ == "__main__":
    prepare(os.environ["DESK_DATABASE"])
