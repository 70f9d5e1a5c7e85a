"""score.py: its figures beside evaluate.py's and a network by hand, its formats, its mistakes."""

import io
import json
import math
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import corpora
import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf

import evaluate
import score
from training.command import UserError
from training.run import Run

ROOT = Path(__file__).resolve().parents[1]
WORDS = "w1 w2 w3\nw4 strange w6 w7 w8\n\n w9 <UNK> w0 <eos> \r\nw5 w1"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that has learnt which words may follow."""
    corpus = corpora.write_corpus(tmp_path_factory.mktemp("corpus"))
    fields = {"hidden_size": 8, "optimizer": "adam", "learning_rate": 0.03, "epochs": 6}
    path = tmp_path_factory.mktemp("logs") / "tiny"
    training = corpora.make_training(path, corpora.tiny_config(corpus, **fields))
    training.run_to_the_end()
    (path / "vocabulary.txt").write_text("".join(f"{w}\n" for w in training.data.vocabulary))
    return path


@pytest.fixture(scope="module", autouse=True)
def asked():
    """The run is opened once for all calls in this process; which checkpoints were asked for."""
    found, opened = [], {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        @contextmanager
        def open_once(run, which, add, batch_size):
            found.append(which)
            if batch_size not in opened:
                model = evaluate.trained_model(run, which, add, batch_size=batch_size)
                opened[batch_size] = stack.enter_context(model)
            yield opened[batch_size]

        patch.setattr(score, "trained_model", open_once)
        yield found


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(WORDS, newline="")
    return path


def scores(run, *arguments, capsys):
    """What the command prints; it must succeed."""
    capsys.readouterr()
    assert score.main([str(run), *map(str, arguments)]) == 0
    return capsys.readouterr().out


def json_lines(run, *arguments, capsys):
    """The sentences, and the object of all."""
    out = scores(run, *arguments, "--format", "jsonl", capsys=capsys)
    *sentences, everything = map(json.loads, out.splitlines())
    return sentences, everything


class ByHand:
    """The network in NumPy, from the variables of a checkpoint."""

    def __init__(self, run):
        folder = Run(run).find_checkpoint("best", warn=print).path
        reader = tf.train.load_checkpoint(str(folder / "variables"))
        found = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
        self.words = (run / "vocabulary.txt").read_text().split()
        self.embedding, self.bias = found["Model/embedding"], found["Model/softmax/softmax_b"]
        self.weights = found["Model/softmax/softmax_w"]
        kernels, biases = (
            [found[name] for name in sorted(found) if name.endswith(f"basic_lstm_cell/{what}")]
            for what in ("kernel", "bias")
        )
        pairs = list(zip(kernels, biases, strict=True))
        self.cells = [reference.LSTM(*pair, forget_bias=0.0) for pair in pairs]

    def log_probs(self, words):
        """Of each word but the first, which is only an input."""
        known = [word if word in self.words else "<unk>" for word in words]
        ids = np.array([self.words.index(word) for word in known])
        states = [reference.zero_state(cell, 1) for cell in self.cells]
        outputs, *_ = reference.unroll_stack(self.cells, self.embedding[ids[:-1], None], states)
        logits = outputs[:, 0] @ self.weights + self.bias
        losses, _ = reference.softmax_cross_entropy(logits, ids[1:])
        return (-losses).tolist()


LINES = ["w1 w2 w3", "w4 strange w6 w7 w8", "", "w9 <unk> w0", "w5 w1"]


def test_sentences_are_scored_as_by_hand_whatever_stands_beside_them(run, text, capsys):
    by_hand = ByHand(run)
    for batch_size in (2, 64):
        sentences, everything = json_lines(run, text, "--batch_size", batch_size, capsys=capsys)
        assert [one["words"] for one in sentences] == [[*line.split(), "<eos>"] for line in LINES]
        for one, line in zip(sentences, LINES, strict=True):
            expected = by_hand.log_probs(["<eos>", *line.split(), "<eos>"])
            assert one["log_probs"] == pytest.approx(expected, rel=1e-5)
        assert [one["unknown"] for one in sentences] == [0, 1, 0, 1, 0]
        assert (everything["scored"], everything["unknown"]) == (18, 2)


def test_a_stream_is_scored_as_by_hand(run, text, capsys):
    sentences, _ = json_lines(run, text, "--carry_state", capsys=capsys)
    found = [one for sentence in sentences for one in sentence["log_probs"]]
    expected = ByHand(run).log_probs(" <eos> ".join([*LINES, ""]).split())
    assert found[0] is None
    assert found[1:] == pytest.approx(expected, rel=1e-5)


FORMATS = {  # how the total is found: its log probability to base 10 and the count
    "srilm": lambda text: [
        float(line.split()[9])
        for line in text.splitlines()
        if line.startswith("\tp( ") and "-inf" not in line
    ],
    "kenlm": lambda text: [
        float(word.rpartition(" ")[2])
        for line in text.splitlines()[:-4]
        for word in line.split("\t")[:-1]
    ],
    "jsonl": lambda text: [
        one / math.log(10)
        for line in text.splitlines()[:-1]
        for one in json.loads(line)["log_probs"]
        if one is not None
    ],
    "table": lambda text: [
        float(words[0]) / math.log(10)
        for words in (line.split() for line in text.splitlines() if line.startswith("  "))
        if words[0] != "-" and words[1:3] != ["in", "all;"]
    ],
}


@pytest.fixture(scope="module")
def expected(run):
    """The perplexity of the test split by evaluate.py."""
    return evaluate.evaluate(Run(run), "test", "best")["score"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_words_of_a_stream_add_up_to_the_perplexity_of_evaluate(run, expected, name, capsys):
    path = Path(json.loads((run / "config.json").read_text())["data_path"]) / "ptb.test.txt"
    out = scores(run, path, "--carry_state", "--format", name, capsys=capsys)
    found = FORMATS[name](out)
    # The table shows four places, each word half of the last one wrong at most.
    tolerance = 5e-5 if name == "table" else 1e-6
    assert 10 ** (-sum(found) / len(found)) == pytest.approx(expected, rel=tolerance)
    told = {"table": f"perplexity {expected:.4f}", "srilm": f"ppl= {expected:.6g}"}
    assert told.get(name, f"{expected:.6g}"[:-1]) in out


def test_unknown_words_are_left_out_or_share_their_probability(run, text, capsys):
    plain, _ = json_lines(run, text, "--unk", capsys=capsys)
    left_out, _ = json_lines(run, text, "--exclude_unk", capsys=capsys)
    shared, _ = json_lines(run, text, "--unk_types", 50, capsys=capsys)
    expected = plain[1]["log_probs"]
    assert left_out[1]["log_probs"] == [expected[0], None, *expected[2:]]
    assert left_out[1]["scored"] == 5
    shares = [expected[0], expected[1] - math.log(50), *expected[2:]]
    assert shared[1]["log_probs"] == pytest.approx(shares)


def test_a_base_changes_the_unit_and_not_the_perplexity(run, text, capsys):
    nats, all_nats = json_lines(run, text, capsys=capsys)
    bits, all_bits = json_lines(run, text, "--log_base", 2, capsys=capsys)
    assert bits[0]["log_prob"] * math.log(2) == pytest.approx(nats[0]["log_prob"])
    assert all_bits["perplexity"] == all_nats["perplexity"]
    assert json_lines(run, text, "--log_base", "e", capsys=capsys) == (nats, all_nats)


def test_the_last_checkpoint_is_scored_where_it_is_asked_for(run, text, asked, capsys):
    scores(run, text, "--checkpoint", "last", capsys=capsys)
    scores(run, text, capsys=capsys)
    assert asked[-2:] == ["last", "best"]


# ------------------------------------------------------------------------ n-best lists


@pytest.fixture
def lists(tmp_path):
    """In each utterance one hypothesis goes on as the corpus does, by 0, 1 or 2; first the others.

    The first model prefers the wrong ones.
    """
    hypotheses = {
        "a-1": "w0 w5 w10 w3 w8 w1", "a-2": "w0 w1 w3 w4 w5 w7", "a-3": "w6 w2 w9 w2 w11 w3",
        "b-1": "w4 w5 w7 w7 w8", "b-2": "w4 w2 w1 w9 w4",
    }  # fmt: skip
    first = {"a-1": 12.0, "a-2": 12.5, "a-3": 13.0, "b-1": 9.0, "b-2": 8.0}
    (tmp_path / "text").write_text("".join(f"{k} {v}\n" for k, v in hypotheses.items()))
    (tmp_path / "costs").write_text("".join(f"{k} {v}\n" for k, v in first.items()))
    return tmp_path, hypotheses


@pytest.mark.parametrize(
    ("weight", "winners"), [("1", ["a-2", "b-1"]), ("0.5", ["a-2", "b-1"]), ("0", ["a-1", "b-2"])]
)
def test_the_right_hypothesis_wins_where_the_model_has_a_say(run, lists, capsys, weight, winners):
    folder, hypotheses = lists
    arguments = ["--format", "kaldi", "--weight", weight, "--first_scores", folder / "costs"]
    out = scores(run, folder / "text", *arguments, "--best", folder / "best", capsys=capsys)
    best = (folder / "best").read_text().splitlines()
    assert best == [f"{key[:1]} {hypotheses[key]}" for key in winners]
    by_hand = ByHand(run)
    for line, (key, words) in zip(out.splitlines(), hypotheses.items(), strict=True):
        expected = -sum(by_hand.log_probs(["<eos>", *words.split(), "<eos>"]))
        assert line.split()[0] == key
        assert float(line.split()[1]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ("a-1 1\na-3 1\n", "has 'a-3' in the place of 'a-2'"),
        ("a-1 1\n", "has 'no more' in the place of 'a-2'"),
        ("a-1 1\na-2 one\n", "line 2: must be utt-N COST, not 'a-2 one'"),
        ("a-1 1\na-2 1\na-3 1\nb-1 1\nb-2 1\nb-3 1\n", "has 'b-3', which is no hypothesis"),
        ("", "costs is empty"),
    ],
)
def test_first_scores_that_do_not_fit_are_refused_and_nothing_is_written(
    run, lists, costs, message
):
    folder, _ = lists
    (folder / "costs").write_text(costs)
    arguments = ["--format", "kaldi", "--weight", "0.5", "--first_scores", folder / "costs"]
    outputs = ["--best", folder / "best", "--out", folder / "out"]
    with pytest.raises(UserError, match=message):
        score.main(list(map(str, [run, folder / "text", *arguments, *outputs])))
    assert {path.name for path in folder.iterdir()} == {"text", "costs"}


# --------------------------------------------------------------------------- the command


def give(monkeypatch, data):
    """Makes `data` the standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("name", [(), ("-",)])
def test_standard_input_is_scored(run, monkeypatch, capsys, name):
    give(monkeypatch, b"w1 w2\n")
    out = scores(run, "--format", "srilm", *name, capsys=capsys)
    assert out.startswith("w1 w2\n\tp( w1 | <s> ) \t= [2gram] ")
    assert "\nfile -: 1 sentences, 2 words, 0 OOVs\n0 zeroprobs, logprob= " in out


def test_the_program_ends_with_status_2_and_one_line(run):
    words = [sys.executable, ROOT / "score.py", run, "/nowhere"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    line = "score.py: cannot read /nowhere: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_many_unknown_words_are_a_warning_and_the_output_is_pure(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["score.py"])
    give(monkeypatch, b"w1 what is\n")
    assert score.main([str(run), "--out", str(tmp_path / "out")]) == 0
    said = "2 of 4 words (50.0%) are unknown to the run: the scores say little of such a text"
    assert capsys.readouterr() == ("", f"score.py: warning: {said}\n")
    assert "1 sentences, 3 words, 2 unknown\n" in (tmp_path / "out").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "cannot read /nowhere"),
        (["--out", "/nowhere/x"], "/nowhere/x: No such file"),
        (["--log_base", "1"], "log_base must be a number from 1.001"),
        (["--log_base", "2", "--format", "srilm"], "--log_base is for table and jsonl"),
        (["--unk_types", "0"], "unk_types must be a whole number from 1"),
        (["--unk", "--exclude_unk"], "not allowed with argument --unk"),
        (["--exclude_unk", "--format", "kenlm"], "leave out --exclude_unk"),
        (["--batch_size", "0"], "batch_size must be a whole number from 1"),
        (["--batch_size", "2", "--carry_state"], "a stream has one row"),
        (["--carry_state", "--format", "kaldi"], "hypotheses are no stream"),
        (["--weight", "0.5", "--format", "kaldi"], "--first_scores and --best go together"),
        (["--checkpoint", "worst"], "invalid choice: 'worst'"),
    ],
)
def test_mistakes_are_refused_in_one_line(run, tmp_path, capsys, arguments, message):
    path = tmp_path / "text"
    path.write_text("w1\n")
    given = [] if arguments[0].startswith("/") else [str(path)]
    with pytest.raises((UserError, SystemExit)) as refused:
        score.main([str(run), *given, *arguments])
    said = capsys.readouterr().err if refused.type is SystemExit else str(refused.value)
    assert message in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (b"w1\nw2 \xff w3\n", [], "is not UTF-8 text (byte 6)"),
        (b"", [], "is empty"),
        (b"\n", ["--carry_state"], "has no word that could be scored"),
        (b"u-1 w1\nw2 w1\n", ["--format", "kaldi"], "line 2 begins with 'w2', not with utt-N"),
        (b"u-1 w1\n\n", ["--format", "kaldi"], "line 2 begins with '', not with utt-N"),
    ],
)
def test_a_text_that_is_wrong_is_refused_and_the_file_stays(
    run, tmp_path, data, arguments, message
):
    path, out = tmp_path / "text", tmp_path / "out"
    path.write_bytes(data)
    out.write_text("before")
    with pytest.raises(UserError) as refused:
        score.main([str(run), str(path), "--out", str(out), *arguments])
    assert message in str(refused.value)
    assert out.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_that_is_no_language_model_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="is not a run"):
        score.main([str(tmp_path), os.devnull])
    import problems
    from training.config_files import to_json

    (tmp_path / "config.json").write_text(to_json(problems.resolve("sin_cos")))
    with pytest.raises(UserError, match="is a run of sin_cos"):
        score.main([str(tmp_path), os.devnull])
