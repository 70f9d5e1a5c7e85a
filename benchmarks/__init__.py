"""What bench.py compares; only that program needs it."""
