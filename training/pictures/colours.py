"""The colours of the pictures."""

TRAIN, VALID, BEST = "tab:blue", "tab:orange", "tab:green"
RIGHT, WRONG = "tab:green", "tab:red"
