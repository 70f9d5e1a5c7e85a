"""Any bytes for a corpus: it trains, or one line says why not and nothing is written.

HOSTILE, of the environment: how many corpora are made up.
"""

import collections
import shutil

import hostile
import lives
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reader

pytestmark = pytest.mark.long

FIELDS = {"config": "test", "num_layers": 1, "batch_size": 2, "num_steps": 2, "vocab_size": 50}

WORDS = st.sampled_from(["a", "b", "cat", "<unk>", "<eos>", "N", "$", "don't"]).map(str.encode)
ODD_WORDS = st.sampled_from(
    [b"\0", b"\0a\0", b"\xef\xbb\xbf", b"x" * 100_000, "é".encode(), "e\u0301".encode(),
     "\U0001f600".encode(), "\u202e\u200b".encode(), b"\x1b[2J", b"[bold]", b":smile:", b"../../x"]
)  # fmt: skip
GAPS = st.sampled_from([b" ", b"\n", b" \n ", b"  "])
ODD_GAPS = st.sampled_from(
    [b"\r\n", b"\r", b"\t", b"\x0b", b"\x0c", b"\x1c", "\x85".encode(), "\u2028".encode(),
     "\u3000".encode(), b"\n" * 1000, b""]
)  # fmt: skip
PIECES = st.tuples(WORDS | ODD_WORDS, GAPS | ODD_GAPS).map(b"".join)
TEXTS = st.tuples(
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\n\n"]),
    st.lists(PIECES, max_size=12).map(b"".join),
    st.integers(0, 12),
    st.binary(max_size=3) | st.just(b""),
).map(lambda parts: parts[0] + parts[1] * parts[2] + parts[3])
MANY_WORDS = st.integers(1, 300).map(lambda n: b" ".join(b"w%d" % (i % n) for i in range(200)))
GOOD = st.just(b"the cat sat on the mat \n" * 9)
FILES = st.one_of(MANY_WORDS, TEXTS, TEXTS, TEXTS, st.binary(max_size=200), hostile.THINGS)
CORPORA = st.fixed_dictionaries({split: FILES for split in reader.SPLITS}) | st.builds(
    lambda good, split, hostile: {**dict.fromkeys(reader.SPLITS, good), split: hostile},
    GOOD | MANY_WORDS,
    st.sampled_from(reader.SPLITS),
    FILES,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the corpora are made, one after the other."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def tally():
    counts = collections.Counter()
    yield counts
    print(f"\n{dict(counts)}")
    assert counts["trained"] and counts["refused"]


@hostile.repeated(hostile.HOSTILE)
@given(CORPORA)
def test_any_corpus_trains_or_is_refused_in_one_line(server, place, tally, files):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for split, content in files.items():
        hostile.put(reader.split_path(place, split), content)
    logs = place / "logs"
    fields = FIELDS | {"data_path": place, "logdir": logs, "name": "run"}
    life = server.live("train.py", lives.flags(fields))
    if hostile.said_in_a_line(life):
        tally["refused"] += 1
        assert not logs.exists()
    else:
        tally["trained"] += 1
        assert (life.status, life.err) == (0, "")
        assert (logs / "run" / "result.json").exists()
