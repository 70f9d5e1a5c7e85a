"""What bench.py compares; only that program needs it."""

import training  # noqa: F401  # says in a line what is not installed
