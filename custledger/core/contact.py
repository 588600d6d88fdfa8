"""Contact points and names, and the form by which two of them are held to be the same."""

from __future__ import annotations

import unicodedata

import phonenumbers

from custledger.core.records import ContactKind, ContactPoint
from custledger.errors import BadInputError

__all__ = ["check_region", "contact_point", "folded", "normalise"]


def contact_point(kind: ContactKind, value: str, region: str | None = None) -> ContactPoint:
    """A contact point as given, with its normalised form.

    >>> contact_point(ContactKind.EMAIL, "Ann@Example.ORG").normalised
    'ann@example.org'
    """
    return ContactPoint(kind, value, normalise(kind, value, region))


def normalise(kind: ContactKind, value: str, region: str | None = None) -> str:
    """E.164 for a phone number that can be read (``region`` as FR for national ones), else folded.

    Mail boxes are compared without regard to case: RFC 5321 lets a host tell them apart, but no
    host in use does.

    >>> normalise(ContactKind.PHONE, "+33 1 23 45 67 89")
    '+33123456789'
    >>> normalise(ContactKind.PHONE, "01 23 45 67 89", "FR")
    '+33123456789'
    """
    if kind is ContactKind.PHONE:
        return _e164(value, region) or "".join(c for c in value if c.isalnum() or c == "+")
    return folded(value)


def folded(text: str) -> str:
    """A text without regard to case, to runs of white space, and to how accents are encoded.

    >>> folded("  Ann   MILLER ")
    'ann miller'
    """
    text = " ".join(text.split()).casefold()
    if text.isascii():
        return text
    # Folding may leave a form that composes anew, so it is done on either side of the other.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def check_region(region: str) -> str:
    """The two-letter region of phone numbers written without a country, or BadInputError.

    >>> check_region("FR")
    'FR'
    """
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise BadInputError(f"{region!r} is not a region. Use its two capital letters, such as FR.")
    return region


def _e164(value: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
