"""The site: ``flask --app flask_desk.app run``."""

from __future__ import annotations

import os
import secrets
from datetime import date
from uuid import UUID

from flask import Flask, Response, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from custledger import Ledger, LedgerMaker, open_ledger
from custledger.edges.explaining import explain
from custledger.edges.wording import evidence_in_words
from custledger.errors import BadInputError, LedgerBusyError, NotFoundError, UnregisteredActorError
from flask_desk.bookings import PRICE, Booking, book, cancel, db, set_up_sqlite

SITE = "Booking site"


def create_app(database: str | None = None) -> Flask:
    """Make the application; it may be made before a server forks."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = database or os.environ["BOOKING_DATABASE"]
    db.init_app(app)
    with app.app_context():
        set_up_sqlite(db.engine)
        app.extensions["ledgers"] = _prepare()
        db.engine.dispose()  # a process forked from this one must not share its connections
    app.add_template_filter(lambda minor: f"{minor / 100:,.2f}", "money")
    app.add_template_filter(evidence_in_words, "evidence")
    _add_pages(app)
    return app


def _prepare() -> LedgerMaker:
    """Make what is not there yet: the ledger first, for the bookings refer to its customers."""
    with open_ledger(db.engine, actor="Olivia Owner", zone="Europe/Paris") as ledger:
        if SITE not in {member.name for member in ledger.staff.all()}:
            ledger.staff.add(SITE, role="program")  # a program is no witness of anybody's conduct
    db.create_all()
    return LedgerMaker(db.engine)


def ledger_of_request(actor: str) -> Ledger:
    """A ledger whose writes join the transaction of this request's session."""
    ledgers: LedgerMaker = current_app.extensions["ledgers"]
    return ledgers.open(db.session, actor=actor)


def ask_who() -> str:
    """The name of the staff who ask. An example: take it from your own login instead."""
    given, password = request.authorization, os.environ["BOOKING_PASSWORD"]
    if (
        given is None
        or given.type != "basic"
        or not secrets.compare_digest((given.password or "").encode(), password.encode())
    ):
        abort(Response("Staff only.", 401, {"WWW-Authenticate": 'Basic realm="staff"'}))
    return given.username or ""


def _add_pages(app: Flask) -> None:
    app.add_url_rule("/", view_func=front_page)
    app.add_url_rule("/bookings", view_func=post_booking, methods=["POST"])
    app.add_url_rule("/bookings/<uuid:number>", view_func=show_booking)
    app.add_url_rule(
        "/bookings/<uuid:number>/cancel", view_func=post_cancellation, methods=["POST"]
    )
    app.add_url_rule("/staff", view_func=show_ranking)
    app.add_url_rule("/staff/<uuid:customer>", view_func=show_fit)
    app.register_error_handler(UnregisteredActorError, lambda error: (str(error), 403))
    app.register_error_handler(NotFoundError, lambda error: (str(error), 404))
    app.register_error_handler(BadInputError, lambda error: (str(error), 400))
    app.register_error_handler(LedgerBusyError, lambda error: (str(error), 503))


def front_page() -> str:
    """The form with which customers book."""
    return render_template("front.html", price=PRICE)


def post_booking() -> AnyResponse:
    """Book a night: the booking and the sale, in one transaction."""
    night = request.form.get("night", type=date.fromisoformat)
    if night is None:
        abort(400, "Give the night as 2026-12-31.")
    with ledger_of_request(SITE) as ledger:
        booking = book(ledger, request.form["name"], request.form["email"], night)
    db.session.commit()
    return redirect(url_for("show_booking", number=booking.id), 303)


def show_booking(number: UUID) -> str:
    """A booking, for whoever has its address; no word here on the customer's fit."""
    return render_template("booking.html", booking=db.get_or_404(Booking, number), price=PRICE)


def post_cancellation(number: UUID) -> AnyResponse:
    """Cancel a booking: its state, the refund and the contact, in one transaction."""
    try:
        with ledger_of_request(SITE) as ledger:
            booking = cancel(ledger, number, request.form.get("why", ""), ledger.today())
    except IntegrityError:
        db.session.rollback()
        abort(409, "The night is over: it cannot be cancelled any more.")
    if booking is None:
        abort(404, "There is nothing to cancel here.")
    db.session.commit()
    return redirect(url_for("show_booking", number=number), 303)


def show_ranking() -> str:
    """Every customer, for staff: what they bring, what they cost, and how they fit."""
    with ledger_of_request(ask_who()) as ledger:
        fits = {row.customer_id: row for row in ledger.scores()}
        rows, currency = ledger.ranking(), ledger.currency
    return render_template("ranking.html", rows=rows, fits=fits, currency=currency)


def show_fit(customer: UUID) -> str:
    """Why a customer's fit is what it is, for staff."""
    with ledger_of_request(ask_who()) as ledger:
        explanation = explain(ledger, customer)
    return render_template("fit.html", explanation=explanation)
