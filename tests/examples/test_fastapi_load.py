"""The benchmark of the FastAPI example in miniature: it loses nothing. It claims no times here."""

from __future__ import annotations

from tests.benchmarks.fastapi_load import run


def test_load_loses_no_write(location: str) -> None:
    url = location if "://" in location else f"sqlite:///{location}"
    figures = run(url, variant="sync", seconds=0.4, clients=6, rounds=1, customers=3)
    assert figures["acknowledged"] > 20
    assert figures["lost"] == 0
