"""What texts are like: line ends, marks for unknown words, encodings, and what is warned of."""

import hashlib
import random
import shlex
import subprocess

import corpora
import pytest

import evaluate
import reader
import train
from reader import EOS, UNK, DataError
from training.run import Run

LINES = ["the cat sat", "it <unk> on", "", "a mat"]
WORDS = ["the", "cat", "sat", EOS, "it", UNK, "on", EOS, EOS, "a", "mat", EOS]
# SHA-256 of the words of the sample's splits, with a space between them.
SAMPLE = {"train": "b107e67b116019b5", "valid": "70a1469e2dd4a6ec", "test": "c8d9e5ec21e72caa"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\u0085"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_line_end_ends_a_line(tmp_path, end, last, mark):
    text = mark + end.join(LINES) + end * last
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert reader.read_words(tmp_path / "a.txt") == WORDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b <eos>\nc <eos>\n", ["a", "b", EOS, "c", EOS]),
        ("a b <eos> \r\nc <EOS>", ["a", "b", EOS, "c", EOS]),
        ("<eos>\na <eos>\n", [EOS, "a", EOS]),
        ("a <eos> b <eos>\n", ["a", EOS, "b", EOS]),
        ("a<eos>\nb\n", ["a<eos>", EOS, "b", EOS]),
        ("a <UNK> b\n<Unk>\n", ["a", UNK, "b", EOS, UNK, EOS]),
        ("<unk> <UNK>s UNK unk\n", [UNK, "<UNK>s", "UNK", "unk", EOS]),
    ],
)
def test_marks_that_a_text_has_already_are_ours(tmp_path, text, words):
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert reader.read_words(tmp_path / "a.txt") == words


@pytest.mark.parametrize("split", SAMPLE)
def test_the_sample_is_read_as_ever(split):
    words = reader.read_words(reader.split_path(reader.SAMPLE, split))
    assert hashlib.sha256(" ".join(words).encode()).hexdigest()[:16] == SAMPLE[split]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("latin-1", "ENCODING"),
        ("shift-jis", "ENCODING"),
        ("utf-16", "UTF-16"),
        ("utf-16-be", "ENCODING"),
        ("utf-32", "UTF-32"),
    ],
)
def test_another_encoding_is_refused_with_the_way_to_convert_it(tmp_path, encoding, named):
    text = "日本 語\n" if encoding == "shift-jis" else "é a b\n"
    path = tmp_path / "a text.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(DataError) as refused:
        reader.read_words(path)
    command = str(refused.value).partition("convert it: ")[2]
    assert command == f"iconv -f {named} -t utf-8 {shlex.quote(str(path))} > NEW"
    if named != "ENCODING":
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
        assert reader.read_words(tmp_path / "NEW") == ["é", "a", "b", EOS]


def test_ascii_in_utf_16_without_a_mark_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes("a b\n".encode("utf-16-le"))
    with pytest.raises(
        DataError, match=r"zero bytes, as UTF-16 has: convert it: iconv -f ENCODING"
    ):
        reader.read_words(tmp_path / "a.txt")


# ---------------------------------------------------------------------------------- warnings


def write(folder, lines):
    """A corpus whose last fifth is for validation and test."""
    most, rest = len(lines) * 8 // 10, len(lines) * 9 // 10
    splits = {"train": lines[:most], "valid": lines[most:rest], "test": lines[rest:]}
    folder.mkdir(exist_ok=True)
    for split, part in splits.items():
        reader.split_path(folder, split).write_text("".join(f"{line}\n" for line in part))
    return folder


def prose(count=400, words=2000):
    """Lines of words as frequent as those of a language, a few of which occur once."""
    draw = random.Random(0)
    weights = [1 / (rank + 1) for rank in range(words)]
    names = [f"mot{rank}" for rank in range(words)]
    return [" ".join(draw.choices(names, weights, k=12)) for _ in range(count)]


def characters(count=400, length=15):
    draw = random.Random(0)
    return [
        "".join(draw.choices("的一是不了人我在有他这中大来上国个到", k=length))
        for _ in range(count)
    ]


def warnings(folder, lines, vocab_size=10_000):
    data = reader.read_text_data(write(folder, lines), 4, 5, vocab_size)
    return list(data.warnings)


def test_unknown_words_that_nothing_teaches_are_told_with_the_way_to_teach_them(tmp_path):
    (line,) = warnings(tmp_path, prose())
    words = reader.read_words(reader.split_path(tmp_path, "train"))
    valid = [w for w in reader.read_words(reader.split_path(tmp_path, "valid")) if w != EOS]
    share = sum(word not in set(words) for word in valid) / len(valid)
    twice = sum(words.count(word) > 1 for word in set(words))
    assert line.startswith(f"{share:.2%} of the validation words are unknown")
    assert f"--vocab_size {twice}, the number of words that occur at least twice" in line
    assert warnings(tmp_path, prose(), vocab_size=twice) == []


@pytest.mark.parametrize(
    ("change", "vocab_size", "expected"),
    [
        (lambda lines: [f"{line} <unk>" for line in lines], 10_000, []),  # it is taught
        (lambda lines: [f"{line} <UNK>" for line in lines], 10_000, []),
        (lambda lines: [line[:4] for line in lines], 10_000, []),  # nothing is unknown
        (lambda lines: lines, 20, ["of the validation words are unknown (<unk>)"]),
        (
            lambda lines: [line.replace("mot7 ", "UNK ") for line in lines],
            500,
            ["times UNK, which is a word as others are; unknown words are written <unk>"],
        ),
    ],
)
def test_other_texts_of_words(tmp_path, change, vocab_size, expected):
    found = warnings(tmp_path, change(prose()), vocab_size)
    assert len(found) == len(expected)
    assert all(part in line for part, line in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    "lines",
    [
        characters(),
        [f"{line[:5]}， {line[5:]}。" for line in characters()],
        characters(length=5),
        [line.replace(" ", "_") for line in prose()],
        ["".join(chr(ord(c) % 90 + 0x0E01) for c in line) for line in characters()],  # Thai
    ],
)
@pytest.mark.parametrize("vocab_size", [50, 10_000])
def test_lines_without_spaces_are_told(tmp_path, lines, vocab_size):
    (line,) = warnings(tmp_path, lines, vocab_size)
    assert "the validation words are unknown" in line
    assert "put one between its words or its characters" in line


def test_characters_with_spaces_are_words(tmp_path):
    assert warnings(tmp_path, [" ".join(line) for line in characters()]) == []


def test_the_sample_gives_no_warning():
    assert list(reader.read_text_data(reader.SAMPLE, 20, 20, 10_000).warnings) == []


def test_a_warning_is_said_when_training_starts(tmp_path, capsys):
    """And what is unknown is told of a run, too."""
    folder = write(tmp_path / "corpus", prose(60))
    argv = ["--config=test", f"--data_path={folder}", f"--logdir={tmp_path}", "--name=run"]
    assert train.main(argv) == 0
    out = capsys.readouterr().out
    assert out.count("warning: ") == 1
    assert out.index("warning: ") < out.index("epoch  1")
    evaluate.evaluate(Run(tmp_path / "run"), "test", "best")
    assert "are unknown to the run" in "".join(capsys.readouterr())


def test_a_corpus_whose_words_are_all_known_gives_no_warning(tmp_path):
    corpora.write_corpus(tmp_path)
    assert list(reader.read_text_data(tmp_path, 4, 5, 10_000).warnings) == []
