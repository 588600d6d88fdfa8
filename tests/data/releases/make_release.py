"""Makes the database that a release of custledger leaves behind, for the tests of upgrades.

Run with the Python of an environment in which that release is installed, once, when it is out:

    python make_release.py FOLDER postgresql+psycopg://user@host/empty

FOLDER, by custom the number of the release, then holds

- ``ledger.db`` and ``ledger.db.evidence``: a ledger with facts of every kind,
- ``facts.json``: the facts as this release tells them,
- ``guards.sql``: the guards as this release makes them in PostgreSQL (the URL names an empty
  database; it is left with a ledger in it).

The clock is the program's own: only ids and salts differ from run to run. What a later release can
record is told at the end of the story, in a function of its own that is skipped where the release
lacks it; the facts of the older releases stay as they are.
"""

import hashlib
import io
import json
import sqlite3
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import custledger
from custledger import Money, open_ledger
from custledger.core.records import Channel, Conduct, Fault, Purpose
from custledger.edges.export import canonical_export
from custledger.edges.importing import import_csv

ACTOR = "Olga"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AS_OF = date(2026, 3, 31)
NAME = "ledger.db"

CALLS = (
    "customer,channel,occurred_at,handling_minutes,staff\n"
    + "C1,phone,2026-02-03,4,Sam\nC1,email,2026-02-04,6,Nadia\nC2,phone,2026-02-05,9,Sam\n"
)


class Clock:
    """A clock that moves a minute whenever it is looked at."""

    def __init__(self):
        self.moment = NOW

    def __call__(self):
        self.moment += timedelta(minutes=1)
        return self.moment


def main(folder, url):
    folder = Path(folder)
    folder.mkdir()
    make(folder / NAME)
    with open_ledger(folder / NAME, actor=ACTOR) as ledger:
        assert ledger.verify().ok
        told = facts(ledger)
    into_one_file(folder / NAME)
    told = {"release": custledger.__version__, "schema": version_of(folder / NAME), **told}
    text = json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / "facts.json").write_text(f"{text}\n", encoding="utf-8")
    open_ledger(url, actor=ACTOR).close()
    (folder / "guards.sql").write_text(guards_of(url), encoding="utf-8")


# What a ledger tells


def facts(ledger):
    """All that the ledger tells, as plain values: the trail in numbers, the state in full."""
    report = ledger.verify()
    customers = ledger.customers.all()
    return {
        "zone": ledger.zone,
        "currency": ledger.currency,
        "entries": report.entries,
        "chains": report.chains,
        "evidence_files": report.evidence_files,
        "trail": [entry.hash.hex() for who in (None, *customers) for entry in ledger.history(who)],
        "export": list(canonical_export(ledger)),
        "evidence": sorted(
            hashlib.sha256(b"".join(ledger.evidence.read(piece))).hexdigest()
            for customer in customers
            for piece in ledger.evidence.of(customer)
        ),
        "imports": [[b.number, b.file_name, b.status, b.entries] for b in ledger.imports.all()],
        "policies": [plain(policy.to_body()) for policy in ledger.score_policies.all()],
        "scores": [plain(asdict(row)) for row in ledger.scores(as_of=AS_OF)],
        "ranking": [plain(asdict(row)) for row in ledger.ranking(as_of=AS_OF)],
    }


def plain(value):
    return json.loads(json.dumps(value, default=str))


# The story


def make(path):
    clock = Clock()
    with (
        open_ledger(path, actor=ACTOR, now=clock, zone="Europe/Paris", region="FR") as ledger,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        settle(ledger)
        add_customers(ledger)
        serve_ann(ledger, folder)
        meet_everything(ledger)
        sell(ledger)
        change_mind(ledger)
        take_in(ledger, folder)


def settle(ledger):
    ledger.staff.add("Sam", hourly_rate=Money(3000, "EUR"))
    ledger.staff.add_many(["Nadia", "Noël"])
    ledger.staff.add("Web shop", role="program")
    ledger.staff.set_rate(Money(2800, "EUR"))
    ledger.staff.set_rate(Money(3150, "USD"), staff="Nadia", effective_on=date(2026, 2, 1))
    ledger.exchange_rates.set("USD", "0.92")
    ledger.exchange_rates.set("GBP", "1.152345678901", effective_on=date(2026, 1, 1))
    ledger.exchange_rates.set("USD", "0.95", effective_on=date(2026, 2, 1))
    ledger.score_policies.set(margin=0.4)


def add_customers(ledger):
    ledger.customers.add(
        "Ann Müller",
        email=["ann@example.org", "a.muller@example.org"],
        phone="01 23 45 67 89",
        contact_points=[("social", "@ann"), ("address", "1 rue de la Paix"), ("other", "fax 7")],
        source="shop",
        external_id="17",
        staff_note="prefers mail",
        joined_on=date(2025, 1, 15),
    )
    ledger.customers.add("Ben Becker", status="prospect")
    ledger.customers.add("Dora 'Do' Ünal; \"x\"", status="former", joined_on=date(2024, 2, 29))
    ledger.customers.add_many(
        [{"name": f"Customer {n}", "email": f"c{n}@example.org"} for n in range(1, 9)]
    )
    ledger.customers.add("Added by mistake", phone="+44 20 7946 0000")


def serve_ann(ledger, folder):
    call = ledger.interactions.record(
        "Ann Müller",
        channel="phone",
        purpose="complaint",
        conduct="verbal_abuse",
        fault="customer",
        handling_time=timedelta(minutes=12),
        staff="Sam",
        summary="asked for money back",
        customer_words="ça suffit, c'est fini",
        staff_note="was upset",
        case="C1",
        product="lamp",
        cause="broken",
        tags=["hardship", "accommodation"],
        source="desk",
        external_id="1",
        occurred_at=NOW - timedelta(days=2),
        known_at=NOW - timedelta(hours=3),
    )
    ledger.interactions.record(
        "Ann Müller", channel="email", direction="out", source="desk", external_id="2"
    )
    (folder / "mail.txt").write_bytes(b"a mail\n" * 20)
    (folder / "photo.png").write_bytes(bytes(range(256)) * 8)
    ledger.evidence.attach(call, path=folder / "mail.txt", caption="what she wrote")
    ledger.evidence.attach(call, path=folder / "photo.png", occurred_at=NOW - timedelta(days=1))
    ledger.evidence.attach(call, text="a note, à la main")
    ledger.evidence.attach("Ben Becker", file=io.BytesIO(b""), media_type="audio/ogg")
    mistake = ledger.evidence.attach("Ben Becker", text="another customer's letter")
    ledger.evidence.void(mistake, reason="put into the wrong file")


def meet_everything(ledger):
    """Every channel, purpose, conduct and fault that the release knows."""
    words = [("channel", Channel), ("purpose", Purpose), ("conduct", Conduct), ("fault", Fault)]
    rows = []
    for name, kinds in words:
        for number, word in enumerate(kinds):
            rows.append(
                {
                    "customer": f"Customer {1 + number % 3}",
                    "channel": "phone",
                    name: word.value,
                    "staff": ("Sam", "Nadia", "Noël")[number % 3],
                    "handling_time": timedelta(minutes=5 + number),
                    "occurred_at": NOW - timedelta(days=7 * number, hours=len(rows)),
                }
            )
    ledger.interactions.record_many(rows)
    # Somebody about whom there is something to say.
    for week in range(12):
        ledger.interactions.record(
            "Customer 4",
            channel="phone",
            purpose="complaint",
            conduct="verbal_abuse" if week % 3 else "threat",
            fault="customer",
            handling_time=timedelta(minutes=55),
            staff=("Sam", "Nadia")[week % 2],
            occurred_at=NOW - timedelta(weeks=week + 1),
        )


def sell(ledger):
    invoice = ledger.money.record_invoice(
        "Ann Müller",
        amount=Money.of("100", "EUR"),
        due_on=date(2026, 2, 1),
        occurred_at=NOW - timedelta(days=60),
        source="till",
        external_id="7",
    )
    for record in (ledger.money.record_payment, ledger.money.record_write_off):
        record("Ann Müller", amount=Money.of("40", "EUR"), applies_to=invoice.id)
    sale = ledger.money.record_sale("Ben Becker", amount=Money.of("20", "USD"), product="lamp")
    ledger.money.record_refund(
        "Ben Becker", amount=Money.of("5", "USD"), goods_returned=True, applies_to=sale.id
    )
    ledger.money.record_refund("Ben Becker", amount=Money.of("1", "GBP"), cause="late")
    ledger.money.record_chargeback("Ben Becker", amount=Money.of("15", "USD"), fault="customer")
    ledger.money.record_concession("Ben Becker", amount=Money.of("1", "EUR"), staff_note="fine")
    ledger.money.record_sale("Dora 'Do' Ünal; \"x\"", amount=Money.of("700", "JPY"))
    ledger.money.record_many(
        {
            "kind": "sale",
            "customer": f"Customer {1 + number % 8}",
            "amount": Money(1999 + 37 * number, "EUR"),
            "occurred_at": NOW - timedelta(days=3 * number),
        }
        for number in range(40)
    )


def change_mind(ledger):
    call, mail = ledger.interactions.of("Ann Müller")
    ledger.interactions.correct(call, fault="ours", reason="the lamp was broken")
    ledger.interactions.correct(call, conduct="none", reason="heard the tape")
    ledger.interactions.void(mail, reason="sent to somebody else")
    ledger.customers.correct("Ben Becker", name="Ben Bäcker", status="active", reason="a typo")
    ledger.customers.void("Added by mistake", reason="entered twice")
    concession = ledger.money.of("Ben Bäcker")[-1]
    ledger.money.correct(concession, amount=Money.of("2", "EUR"), reason="misread")
    ledger.money.void(ledger.money.of("Customer 8")[0], reason="another till's")
    ledger.staff.deactivate("Noël")
    ledger.score_policies.calibrate(as_of=AS_OF)


def take_in(ledger, folder):
    (folder / "calls.csv").write_text(CALLS, encoding="utf-8")
    import_csv(ledger, folder / "calls.csv")
    for number, end in enumerate(("finished", "undone", "unfinished")):
        batch = ledger.imports.start(
            source="till", file_name=f"{end}.csv", fingerprint=str(number) * 64
        )
        with ledger.imports.writing(batch):
            cleo = ledger.customers.add(f"Cleo {number}", source="till", external_id=f"c{number}")
            ledger.money.record_sale(
                cleo, amount=Money.of("9.99", "EUR"), source="till", external_id=f"s{number}"
            )
        if end != "unfinished":
            ledger.imports.finish(batch, counts={"money": 1})
        if end == "undone":
            ledger.imports.undo(batch.number, reason="the wrong file")


# Files


def into_one_file(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert not list(path.parent.glob(f"{path.name}-*"))


def version_of(path):
    connection = sqlite3.connect(path)
    (version,) = connection.execute("SELECT version_num FROM custledger_version").fetchone()
    connection.close()
    return version


def guards_of(url):
    """Statements that make the functions and triggers that are in a PostgreSQL database."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        functions = connection.execute(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc p "
            "JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = current_schema() AND p.prokind = 'f' ORDER BY p.proname"
        ).fetchall()
        triggers = connection.execute(
            "SELECT pg_get_triggerdef(t.oid), c.relname, t.tgname, t.tgenabled FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND NOT t.tgisinternal ORDER BY c.relname, t.tgname"
        ).fetchall()
    lines = [f"{function.strip()};" for (function,) in functions]
    for trigger, table, name, enabled in triggers:
        lines.append(f"{trigger};")
        if enabled == "A":
            lines.append(f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
