"""Runs a program of TensorFlow 1 as it is: `python -m tf1rnn [options] SCRIPT [ARGS ...]`."""

import sys

from tf1rnn.compat.runner import main

sys.exit(main(sys.argv[1:]))
