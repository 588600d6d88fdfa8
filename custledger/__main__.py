"""``python -m custledger`` is the command ``custledger``."""

import sys

from custledger.cli import main

if __name__ == "__main__":
    sys.exit(main())
