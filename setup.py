"""Installs the package `tf1rnn`; the programs at the root run from the checkout."""

import re
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = Path(__file__).parent / "tf1rnn" / "__init__.py"

TESTS = [
    "pytest>=8",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "scipy>=1.11",
    "mypy>=1.10",
    "ruff>=0.9",
    "pre-commit>=3.5",
]
DIGITS = ["scikit-learn>=1.4"]
BENCH = ["torch>=2.6"]

setup(
    name="tf1rnn",
    version=re.findall(r'__version__ = "(.+)"', PACKAGE.read_text())[0],
    description="TensorFlow 1 recurrent networks, in graph mode, on today's TensorFlow",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["tf1rnn", "tf1rnn.*"]),
    install_requires=[
        "tensorflow>=2.18,<2.22",
        "tensorboard>=2.18,<2.22",
        "setuptools<81",  # TensorBoard imports pkg_resources, which later releases dropped
        "numpy>=1.26",
        "matplotlib>=3.8",
        "rich>=13",  # progress bars and tables
        "filelock>=3.20.3",  # one process a run folder; earlier ones follow a link and empty it
        "tomli>=2; python_version < '3.11'",
    ],
    extras_require={"digits": DIGITS, "tests": TESTS + DIGITS, "bench": BENCH},
)
