"""custledger: records of problem customers, a paper trail, and a fair score of the fit.

The public names that the tutorial uses; the rest is in the modules that docs/reference lists.
"""

from custledger.core.money import Money
from custledger.core.records import EntryRef
from custledger.errors import CustledgerError
from custledger.ledger import Ledger, open_ledger
from custledger.maker import LedgerMaker
from custledger.storage.evidence.data_keys import KeyFolder
from custledger.storage.sealing.keeper import Sealing

__all__ = [
    "CustledgerError",
    "EntryRef",
    "KeyFolder",
    "Ledger",
    "LedgerMaker",
    "Money",
    "Sealing",
    "__version__",
    "open_ledger",
]

__version__ = "0.2.0"
