"""``python -m kinequimation`` is the command ``kinequimation``."""

import sys

from kinequimation.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
