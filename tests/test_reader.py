"""Texts into minibatches: nothing lost, nothing shifted, hostile bytes survived."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reader
from reader import EOS, UNK, DataError, TextReader

PTB = Path(__file__).resolve().parents[2] / "shared" / "data" / "ptb"
SPLIT_WORDS = {"train": 929_589, "valid": 73_760, "test": 82_430}


def one_epoch(text_reader):
    return list(itertools.islice(text_reader.batches(), len(text_reader)))


def write(folder, text, split="train"):
    path = folder / f"ptb.{split}.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_line_ends_with_eos(tmp_path):
    path = write(tmp_path, " a b \n c \n\n")
    assert reader.read_words(path) == ["a", "b", EOS, "c", EOS, EOS]


@pytest.mark.parametrize("text", ["a b\r\nc\r\n", "\ufeffa b\nc\n", "a b\nc", "\ta  b \n c\n"])
def test_line_ends_marks_and_spaces_make_no_difference(tmp_path, text):
    assert reader.read_words(write(tmp_path, text)) == ["a", "b", EOS, "c", EOS]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b" \n \n", "is empty"), (b"ab\xff\xfe c\n", "is not UTF-8 text .byte 2")],
)
def test_unusable_files_are_named(tmp_path, content, message):
    with pytest.raises(DataError, match=rf"ptb\.train\.txt {message}"):
        reader.read_words(write(tmp_path, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*ptb\.train\.txt: No such file"):
        reader.read_words(tmp_path / "ptb.train.txt")


def test_vocabulary_is_by_falling_count_then_alphabet():
    words = ["b", "b", "a", "a", "c", "<unk>", "<unk>", "<unk>"]
    assert reader.build_vocabulary(words, 10) == [UNK, "a", "b", "c"]


@pytest.mark.parametrize(
    ("size", "expected"), [(10, ["a", "b", "c", UNK]), (3, ["a", "b", UNK]), (2, ["a", UNK])]
)
def test_unk_is_added_where_the_corpus_has_none(size, expected):
    assert reader.build_vocabulary(["a", "a", "a", "b", "b", "c"], size) == expected


def test_words_outside_the_vocabulary_become_unk():
    assert reader.to_ids(["a", "zebra", "b"], ["a", UNK, "b"]).tolist() == [0, 1, 2]


def test_minibatches_of_a_hand_made_stream():
    text_reader = TextReader(np.arange(13, dtype=np.int32), batch_size=2, num_steps=2)
    first, second = one_epoch(text_reader)
    assert first.arrays["input_data"].tolist() == [[0, 1], [6, 7]]
    assert first.arrays["targets"].tolist() == [[1, 2], [7, 8]]
    assert second.arrays["input_data"].tolist() == [[2, 3], [8, 9]]
    assert (first.fresh, second.fresh) == (True, False)


@given(
    num_words=st.integers(2, 300),
    batch_size=st.integers(1, 7),
    num_steps=st.integers(1, 9),
    start=st.integers(0, 40),
)
def test_rows_are_walked_in_order_and_from_any_start(num_words, batch_size, num_steps, start):
    ids = np.arange(num_words, dtype=np.int32)
    if num_words < batch_size * (num_steps + 1):
        with pytest.raises(DataError, match=f"{batch_size * (num_steps + 1):,} are needed"):
            TextReader(ids, batch_size, num_steps)
        return
    text_reader = TextReader(ids, batch_size, num_steps)
    walked = one_epoch(text_reader)
    inputs = np.concatenate([batch.arrays["input_data"] for batch in walked], axis=1)
    targets = np.concatenate([batch.arrays["targets"] for batch in walked], axis=1)
    row_length = num_words // batch_size
    rows = np.arange(batch_size)[:, None] * row_length + np.arange(inputs.shape[1])
    np.testing.assert_array_equal(inputs, rows)
    np.testing.assert_array_equal(targets, rows + 1)
    assert row_length - 1 - inputs.shape[1] < num_steps, "a whole minibatch is left out"
    resumed = next(text_reader.batches(start))
    expected = walked[start % len(walked)]
    np.testing.assert_array_equal(resumed.arrays["targets"], expected.arrays["targets"])
    assert resumed.fresh == (start % len(walked) == 0)


@given(num_words=st.integers(2, 100), piece=st.integers(1, 30))
def test_one_stream_has_every_word_but_the_first_as_target_once(num_words, piece):
    ids = np.arange(num_words, dtype=np.int32)
    walked = one_epoch(TextReader(ids, 1, piece, keep_rest=True))
    targets = np.concatenate([batch.arrays["targets"] for batch in walked], axis=1)
    np.testing.assert_array_equal(targets, [ids[1:]])
    assert [batch.fresh for batch in walked] == [True] + [False] * (len(walked) - 1)


def test_without_carrying_every_minibatch_starts_afresh():
    text_reader = TextReader(np.arange(50, dtype=np.int32), 2, 3, carry_state=False)
    assert all(batch.fresh for batch in one_epoch(text_reader))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path, content):
    for split in reader.SPLITS:
        write(tmp_path, content, split)
    try:
        data = reader.read_text_data(tmp_path, batch_size=2, num_steps=3, vocab_size=20)
    except DataError as error:
        assert "\n" not in str(error)
        return
    assert 2 <= len(data.vocabulary) <= 20
    for batch in one_epoch(data.train):
        assert batch.arrays["input_data"].shape == batch.arrays["targets"].shape == (2, 3)
        assert 0 <= batch.arrays["targets"].min() <= batch.arrays["targets"].max()
        assert batch.arrays["targets"].max() < len(data.vocabulary)


@pytest.mark.skipif(not PTB.is_dir(), reason="the Penn Treebank is not on this machine")
def test_the_penn_treebank_has_its_known_counts():
    words = {split: reader.read_words(reader.split_path(PTB, split)) for split in reader.SPLITS}
    assert {split: len(words[split]) for split in words} == SPLIT_WORDS
    vocabulary = reader.build_vocabulary(words["train"], 10_000)
    assert len(vocabulary) == len(set(words["train"])) == 10_000
    assert vocabulary[:4] == ["the", UNK, EOS, "N"]
    data = reader.read_text_data(PTB, batch_size=20, num_steps=20, vocab_size=10_000)
    assert len(data.train) == 2323
