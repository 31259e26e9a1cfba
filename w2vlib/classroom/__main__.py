"""``python -m w2vlib.classroom``: see :mod:`w2vlib.classroom.cli`."""

import sys

from w2vlib.classroom.cli import main

if __name__ == "__main__":
    sys.exit(main())
