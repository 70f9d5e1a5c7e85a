"""Installs the package `tf1rnn`; the programs at the root run from the checkout."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
PACKAGE = ROOT / "tf1rnn" / "__init__.py"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")

TESTS = [
    "pytest>=8",
    "pytest-xdist>=3.6",
    "pytest-timeout>=2.3",
    "hypothesis>=6.100",
    "scipy>=1.11",
    "mypy>=1.10",
    "ruff>=0.9",
    "pre-commit>=3.5",
]
DIGITS = ["scikit-learn>=1.4"]
# NumPy 2.4 no longer takes an array of one number for a number, as old programs do.
COMPAT = ["tf-keras>=2.20,<2.22", "tf-slim>=1.1", "numpy<2.4"]
EXPORT = ["onnx>=1.17", "onnxruntime>=1.20"]
NOTEBOOK = ["nbclient>=0.10", "ipykernel>=6.29"]

setup(
    name="tf1rnn",
    version=re.findall(r'__version__ = "(.+)"', PACKAGE.read_text())[0],
    description="TensorFlow 1 recurrent networks, in graph mode, on today's TensorFlow",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    keywords="LSTM GRU RNN BasicLSTMCell dynamic_rnn MultiRNNCell TensorFlow-1 language-model PTB",
    project_urls={
        "Zaremba, Sutskever and Vinyals 2014": "https://arxiv.org/abs/1409.2329",
        "TensorFlow": "https://www.tensorflow.org",
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: {version}" for version in PYTHONS),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["tf1rnn", "tf1rnn.*"]),
    package_data={"tf1rnn": ["py.typed"]},
    install_requires=[
        "tensorflow>=2.20,<2.22",
        "tensorboard>=2.20,<2.22",
        "setuptools<81",  # TensorBoard imports pkg_resources, which later releases dropped
        "numpy>=1.26",
        "matplotlib>=3.8",
        "rich>=13",  # progress bars and tables
        "filelock>=3.20.3",  # one process a run folder; earlier ones follow a link and empty it
        "tomli>=2; python_version < '3.11'",
    ],
    extras_require={
        "digits": DIGITS,  # the preset digits: scikit-learn brings the images
        "compat": COMPAT,  # tf.layers and tf.contrib.layers, for the code of TensorFlow 1
        # tf.contrib.distributions, for the code of TensorFlow 1
        "probability": ["tensorflow-probability>=0.25", "tf-keras>=2.20,<2.22"],
        "export": EXPORT,  # export.py --format onnx
        "tests": TESTS + DIGITS + COMPAT + EXPORT,  # make test, lint and types
        "notebook": NOTEBOOK,  # tests/faults/test_notebook.py
    },
)
