"""What a ledger is compared with: pinned keys, and checkpoints that were published outside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from custledger.core.trail.findings import INTERNAL, Finding, FindingCode
from custledger.core.trail.notes import VerifierKey
from custledger.errors import BadInputError
from custledger.storage.verifying.checkpoint_check import Fit, Published, judge, read_published
from custledger.storage.verifying.seal_check import Find, Seals

__all__ = ["Against", "Comparison"]

_UNSIGNED: Final = "; signatures not checked, because no key was given"


class Against(NamedTuple):
    """What a ledger is compared with: keys, and what somebody kept outside of it.

    ``keys`` are those whose signatures count, ``checkpoints`` the texts of published notes,
    ``since`` that of one up to which the ledger is trusted. ``certificates`` are root certificates
    of time stamp authorities, in PEM.
    """

    keys: tuple[VerifierKey, ...] = ()
    checkpoints: tuple[str, ...] = ()
    since: str | None = None
    certificates: tuple[bytes, ...] = ()

    @classmethod
    def of(
        cls,
        keys: Iterable[VerifierKey | str],
        checkpoints: Iterable[str],
        since: str | None,
        certificates: Iterable[bytes],
    ) -> Against:
        """The same, from what a caller gives; BadInputError for what cannot be used."""
        if isinstance(keys, str | VerifierKey) or isinstance(checkpoints, str):
            raise BadInputError("keys and checkpoints are lists: keys=[key], checkpoints=[text].")
        try:
            pinned = tuple(VerifierKey.from_text(k) if isinstance(k, str) else k for k in keys)
        except ValueError as error:
            raise BadInputError(str(error)) from error
        if since is not None and not pinned:
            raise BadInputError(
                "since= trusts what a checkpoint covers, so its signature must be checked: give "
                "keys= too."
            )
        return cls(pinned, tuple(checkpoints), since, tuple(certificates))


class Comparison:
    """What came of comparing the seals with what was published.

    ``signed`` is how many seals a signature covers that was checked, ``anchored`` the newest that a
    published checkpoint shows, ``since`` how many are trusted; None if all are to be checked.
    """

    def __init__(self, seals: Seals, against: Against, signed: int, find: Find) -> None:
        self.signed, self.anchored = signed, 0
        self.since: int | None = None
        self.notices: list[str] = []
        self._seals, self._against, self._find = seals, against, find
        self._fitting: list[Published] = []
        for found, is_since in self._read():
            self._compare(found, is_since)

    def scope(self) -> str:
        """How far the verdict reaches, in words."""
        keys = ", ".join(key.name for key in self._against.keys)
        said = INTERNAL
        if self._fitting:
            largest = max(found.checkpoint.size for found in self._fitting)
            said = f"compared with the published checkpoint of {_seals(largest)}"
            if len(self._fitting) > 1:
                count = len(self._fitting)
                said = (
                    f"compared with {count} published checkpoints, the newest of {_seals(largest)}"
                )
        elif self._against.checkpoints or self._against.since:
            said = f"{INTERNAL}: no published checkpoint fits"
        if self._seals.size or self._against.checkpoints:
            said += f"; signatures checked by the key of {keys}" if keys else _UNSIGNED
        if self.since is not None:
            said += (
                f"; what seal {self.since} and those before it hold was trusted, not checked, and "
                "so were the copies of it"
            )
        return said

    def _read(self) -> list[tuple[Published, bool]]:
        """The checkpoints that can be used, and whether each is the one to begin from."""
        texts = [(text, False) for text in self._against.checkpoints]
        if self._against.since is not None:
            texts.append((self._against.since, True))
        read = []
        for text, is_since in texts:
            found = read_published(text, self._seals.ledger, self._against.keys)
            if isinstance(found, Finding):
                self._find(found)
                continue
            if judge(self._seals, found, self._seals.size) is Fit.FITS:
                self.signed = max(self.signed, found.checkpoint.size)
            read.append((found, is_since))
        return read

    def _compare(self, found: Published, is_since: bool) -> None:
        seals, size = self._seals, found.checkpoint.size
        # That a ledger was restored counts only under a signature that was checked.
        match judge(seals, found, self.signed if self._against.keys else 0):
            case Fit.FITS:
                self._fitting.append(found)
                self.anchored = max(self.anchored, size)
                if is_since and size and seals.last_keys[size - 1] is not None:
                    self.since = size
            case Fit.LEFT_BEHIND:
                self.notices.append(
                    f"The published checkpoint of {_seals(size)} is from before a restore: the "
                    "ledger went on from an older state, and cites it in its seals."
                )
            case Fit.BEFORE_CITED:
                self.notices.append(
                    f"The published checkpoint of {_seals(size)} is from before a restore: the "
                    "ledger went on from an older state, and cites a later checkpoint in its "
                    "seals. That this one is a part of that can no longer be shown, because the "
                    "seals between are lost: ask for what was recorded until then."
                )
            case Fit.ROLLED_BACK:
                said = (
                    f"a checkpoint of {_seals(size)} was published, and there are {seals.size}: "
                    "the ledger was rolled back, or its newest seals were removed"
                )
                self._find(
                    Finding(FindingCode.ROLLED_BACK, said + self._unproved(found), seal=size)
                )
            case Fit.REWRITTEN:
                said = (
                    f"the seals up to number {size} are not those of the published checkpoint: "
                    "they were written anew"
                )
                self._find(Finding(FindingCode.REWRITTEN, said + self._unproved(found), seal=size))

    def _unproved(self, found: Published) -> str:
        """What to add where seals tell of a restore, and no signature of theirs was checked."""
        if judge(self._seals, found, self._seals.size) not in (Fit.LEFT_BEHIND, Fit.BEFORE_CITED):
            return ""
        return (
            ". Seals say that it was restored, which counts only under the signature of a key that "
            "you give: --key, or keys="
        )


def _seals(number: int) -> str:
    return "1 seal" if number == 1 else f"{number} seals"
