"""``python -m steadygan``."""

import sys

from steadygan.cli import main

if __name__ == "__main__":
    sys.exit(main())
