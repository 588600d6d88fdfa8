"""A thousand secrets about some customers, planted wherever a text can go, and erased again.

Run as a program on a SQLite file it does so in a process of its own, so that SQLite's folder for
temporary files can be chosen; it prints how many traces were there before and after.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from custledger import Ledger, Money, open_ledger

__all__ = ["Planted", "plant", "traces"]

CUSTOMERS = 60
CONCERNED = 20

Word = Callable[[], str]


@dataclass
class Planted:
    """Who is to be erased, their secrets, and those of the others, which must stay."""

    concerned: list[UUID] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)


def plant(ledger: Ledger, folder: Path) -> Planted:
    """Record many customers side by side, in an order that mixes their rows, then change a lot."""
    chance = random.Random(7)
    planted = Planted()
    customers: list[tuple[UUID, list[bytes]]] = []
    with ledger.transaction():
        for number in range(CUSTOMERS):
            own: list[bytes] = []
            customers.append((add_customer(ledger, writing(chance, own)), own))
            if number % (CUSTOMERS // CONCERNED) == 0:
                planted.concerned.append(customers[-1][0])
    for record in (record_contact, record_money, change_mind, attach):
        chance.shuffle(customers)
        with ledger.transaction():
            for ann, own in customers:
                record(ledger, ann, writing(chance, own), folder)
    for ann, own in customers:
        (planted.secrets if ann in planted.concerned else planted.others).extend(own)
    return planted


def writing(chance: random.Random, own: list[bytes]) -> Word:
    def word() -> str:
        secret = f"zq{chance.randrange(10**14):014d}"
        own.append(secret.encode())
        return secret

    return word


def add_customer(ledger: Ledger, word: Word) -> UUID:
    return ledger.customers.add(
        f"Ann {word()}",
        email=[f"{word()}@example.org", f"{word()}@example.org"],
        contact_points=[("social", word()), ("address", f"{word()} street")],
        staff_note=word(),
        source="shop",
        external_id=word(),
    ).id


def record_contact(ledger: Ledger, ann: UUID, word: Word, folder: Path) -> None:
    for _ in range(3):
        call = ledger.interactions.record(
            ann,
            channel="phone",
            summary=f"she said {word()}",
            customer_words=f"{word()}, and again: {word()}",
            staff_note=word(),
            case=word(),
            product=word(),
            cause=word(),
            tags=[word()],
            source="desk",
            external_id=word(),
        )
    ledger.interactions.correct(call, summary=word(), staff_note=word(), reason=word())
    ledger.interactions.void(call, reason=word())


def record_money(ledger: Ledger, ann: UUID, word: Word, folder: Path) -> None:
    sale = ledger.money.record_sale(
        ann,
        amount=Money.of("5", "EUR"),
        summary=word(),
        staff_note=word(),
        source="till",
        external_id=word(),
    )
    ledger.money.record_refund(ann, amount=Money.of("5", "EUR"), applies_to=sale.id, summary=word())
    ledger.money.void(sale, reason=word())
    hold = ledger.privacy.hold(ann, reason=word())
    ledger.privacy.release(hold, reason=word())


def change_mind(ledger: Ledger, ann: UUID, word: Word, folder: Path) -> None:
    ledger.customers.correct(ann, name=f"{word()} {word()}", reason=word())
    ledger.customers.correct(ann, email=f"{word()}@example.org", reason=word())


def attach(ledger: Ledger, ann: UUID, word: Word, folder: Path) -> None:
    text = ledger.evidence.attach(ann, text=f"she wrote {word()}", caption=word())
    ledger.evidence.void(text, reason=word())
    mail = folder / f"{word()}.bin"
    mail.write_bytes(random.Random(1).randbytes(5000) + word().encode() + b"\0" * 9000)
    ledger.evidence.attach(ann, path=mail, caption=word())
    mail.unlink()


def traces(secrets: Iterable[bytes], files: Iterable[Path]) -> set[bytes]:
    """The secrets of which a byte search finds a copy.

    Each place where all of them begin alike is compared with all of them: a search for each of a
    thousand secrets in a server's files takes minutes.
    """
    wanted = set(secrets)
    beginning = os.path.commonprefix(list(wanted))  # noqa: RUF071 - of texts, not of paths
    assert len(beginning) > 1
    sizes = {len(secret) for secret in wanted}
    found: set[bytes] = set()
    for file in files:
        try:
            data = file.read_bytes()
        except (FileNotFoundError, PermissionError):  # a server's file that just went
            continue
        for place in starts(data, beginning):
            found |= wanted & {data[place : place + size] for size in sizes}
    return found


def starts(data: bytes, beginning: bytes) -> Iterator[int]:
    """Every place where it stands, those that overlap too."""
    place = data.find(beginning)
    while place >= 0:
        yield place
        place = data.find(beginning, place + 1)


def main(location: str, folder: str) -> None:
    where = Path(folder)
    with open_ledger(location, actor="Olga") as ledger:
        planted = plant(ledger, where)
        before = traces(planted.secrets, below(where))
        left = [
            ledger.privacy.erase_person(ann, ground="objection").left for ann in planted.concerned
        ]
        after = traces(planted.secrets, below(where))
        kept = traces(planted.others, below(where))
        found = ledger.verify().findings
        print(len(planted.secrets), len(before), len(after), len(kept), len(planted.others))
        print(len(found), sum(map(len, left)), *sorted(secret.decode() for secret in after))


def below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


if __name__ == "__main__":
    main(*sys.argv[1:])
