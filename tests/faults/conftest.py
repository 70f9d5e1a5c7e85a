"""The server of lives, and the runs that those with faults are compared with."""

import lives
import pytest

import reader

LINES = {"train": 35, "valid": 7, "test": 6}  # of the sample


@pytest.fixture(scope="session")
def server():
    with lives.Server() as server:
        yield server


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The sample, cut short."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, count in LINES.items():
        text = reader.split_path(reader.SAMPLE, split).read_text()
        short = "".join(text.splitlines(keepends=True)[:count])
        reader.split_path(folder, split).write_text(short)
    return folder


@pytest.fixture(scope="session")
def whole_ptb(server, corpus, tmp_path_factory):
    """An uninterrupted run of the language model."""
    fields = lives.FIELDS["ptb"] | {"data_path": corpus}
    return lives.Whole.made(server, tmp_path_factory.mktemp("whole"), fields)


@pytest.fixture(scope="session", params=["ptb", pytest.param("sin_cos", marks=pytest.mark.long)])
def whole(request, server, whole_ptb, tmp_path_factory):
    """An uninterrupted run of each problem."""
    if request.param == "ptb":
        return whole_ptb
    fields = lives.FIELDS[request.param]
    return lives.Whole.made(server, tmp_path_factory.mktemp("whole"), fields)
