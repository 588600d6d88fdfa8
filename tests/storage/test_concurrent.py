"""Many processes that write to one ledger at once: nothing is lost, and no chain forks.

LedgerBusyError is not retried, but in the last test: single writes lock one chain, batches lock all
of theirs in one order, and SQLite has one writer at a time, so that everybody who waits gets his
turn within the time that ``wait`` allows (ten seconds; here a write takes milliseconds).
"""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from custledger import Ledger, open_ledger
from custledger.errors import LedgerBusyError

PROCESSES = 8
HOT, SPREAD = 5, 200
WRITES = [10, pytest.param(100, marks=pytest.mark.slow)]
"""How often each process writes."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["custledger"])


@pytest.mark.parametrize("writes", WRITES)
@pytest.mark.parametrize("customers", [HOT, SPREAD])
def test_single_writes_of_eight_processes_are_all_kept_and_no_chain_forks(
    location: str, customers: int, writes: int
) -> None:
    ids = settle(location, customers)
    written = together(singles, location, ids, writes)
    assert len(written) == PROCESSES * writes
    check(location, written)


@pytest.mark.parametrize("writes", WRITES)
def test_batches_in_any_order_between_single_writes_are_all_kept_and_nobody_fails(
    location: str, writes: int
) -> None:
    ids = settle(location, HOT)
    written = together(mixed, location, ids, writes)
    assert len(written) == PROCESSES * (writes - writes // 3 + 2 * HOT * (writes // 3))
    check(location, written)


@pytest.mark.parametrize("writes", WRITES)
def test_customers_added_and_written_to_by_eight_processes_are_all_kept(
    location: str, writes: int
) -> None:
    settle(location, 1)
    written = together(newcomers, location, [], writes)
    assert len(written) == PROCESSES * writes
    check(location, written)


@pytest.mark.parametrize("writes", WRITES)
def test_transactions_that_write_in_opposite_orders_are_kept_or_told_to_run_again(
    location: str, writes: int
) -> None:
    ids = settle(location, HOT)
    # The order of the calls is the caller's: two that lock A then B, and B then A, wait in a circle
    # on PostgreSQL, which ends one of them. Only running it again can help, and must.
    written = together(crossing, location, ids, writes, count=2)
    assert len(written) == 2 * 2 * writes
    check(location, written)


def settle(location: str, customers: int) -> list[Any]:
    with open_ledger(location, actor="Olga") as ledger:
        return ledger.customers.add_many([{"name": f"C{n}"} for n in range(customers)])


def together(
    work: Any, location: str, ids: list[Any], writes: int, count: int = PROCESSES
) -> list[str]:
    """Let all processes begin at one moment; the tokens that they were told are written."""
    start = _context.Barrier(count)
    ends = [_context.Pipe(duplex=False) for _ in range(count)]
    processes = [
        _context.Process(target=run, args=(work, location, ids, writes, name, start, sending))
        for name, (_, sending) in enumerate(ends)
    ]
    try:
        for process in processes:
            process.start()
        for _, sending in ends:
            sending.close()
        answers = [receiving.recv() for receiving, _ in ends]
    finally:
        start.abort()
        for process, (receiving, _) in zip(processes, ends, strict=True):
            process.kill()
            process.join()
            process.close()
            receiving.close()
    assert [answer for answer in answers if isinstance(answer, str)] == []
    return [token for answer in answers for token in answer]


def run(
    work: Any, location: str, ids: list[Any], writes: int, name: int, start: Barrier, sending: Any
) -> None:
    """One process: the tokens of its acknowledged writes, or what went wrong."""
    try:
        with open_ledger(location, actor="Olga") as ledger:
            start.wait(60)
            sending.send(work(ledger, ids, writes, name))
    except BaseException as error:
        start.abort()
        sending.send(f"{type(error).__name__}: {error}")


def singles(ledger: Ledger, ids: list[Any], writes: int, name: int) -> list[str]:
    chance = random.Random(name)
    return [_single(ledger, chance.choice(ids), f"{name} {n}") for n in range(writes)]


def _single(ledger: Ledger, customer: Any, token: str) -> str:
    ledger.interactions.record(customer, channel="phone", summary=token)
    return token


def mixed(ledger: Ledger, ids: list[Any], writes: int, name: int) -> list[str]:
    """Every third write is a batch with two rows for each customer, each time in another order."""
    chance, written = random.Random(name), []
    for number in range(1, writes + 1):
        if number % 3:
            written.append(_single(ledger, chance.choice(ids), f"{name} {number}"))
            continue
        order = chance.sample(ids * 2, 2 * len(ids))
        tokens = [f"{name} {number} {row}" for row in range(len(order))]
        ledger.interactions.record_many(
            {"customer": customer, "channel": "email", "summary": token}
            for customer, token in zip(order, tokens, strict=True)
        )
        written += tokens
    return written


def newcomers(ledger: Ledger, ids: list[Any], writes: int, name: int) -> list[str]:
    return [
        _single(ledger, ledger.customers.add(f"New {name} {n}"), f"{name} {n}")
        for n in range(writes)
    ]


def crossing(ledger: Ledger, ids: list[Any], writes: int, name: int) -> list[str]:
    written = []
    pair = ids[:2] if name % 2 else ids[1::-1]
    for number in range(writes):
        while True:
            try:
                with ledger.transaction():
                    tokens = [_single(ledger, who, f"{name} {number} {who}") for who in pair]
            except LedgerBusyError as error:
                assert "again" in str(error)  # noqa: PT017
            else:
                break
        written += tokens
    return written


def check(location: str, written: list[str]) -> None:
    """Each acknowledged write is there once, nothing else is, and every chain is 1, 2, 3 ..."""
    with open_ledger(location, actor="Olga") as ledger:
        found: Counter[str] = Counter()
        for customer in ledger.customers.all():
            found.update(interaction.summary for interaction in ledger.interactions.of(customer))
            chain = [entry.ref.seq for entry in ledger.history(customer)]
            assert chain == list(range(1, len(chain) + 1))
        assert found == Counter(written)
        assert ledger.verify().findings == ()
