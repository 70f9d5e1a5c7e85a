"""generate.py: what it writes and draws, what it refuses, and that equal seeds are equal texts."""

import dataclasses
import io
import re
from pathlib import Path

import corpora
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import load, open_session, random_weights

import evaluate
import generate
import problems
import train
from config import PTBConfig
from data.make_sample import COMMON, EOS, GRAMMAR, START, TOPICS, build_language, prediction_costs
from reader import SAMPLE, read_words, split_path, to_ids
from training.command import UserError
from training.generation import Walk
from training.graphs import build_evaluation
from training.run import Run

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A language model of 13 words."""
    corpus = corpora.write_corpus(tmp_path_factory.mktemp("corpus"))
    logs = tmp_path_factory.mktemp("logs")
    fields = ["--config=test", "--batch_size=4", "--num_steps=5", "--hidden_size=8"]
    flags = [*fields, f"--data_path={corpus}", f"--logdir={logs}", "--name=words"]
    assert train.main([*flags, "--cell=gru", "--epochs=3"]) == 0
    return Run.open(logs / "words")


@pytest.fixture
def written(run, capsys):
    """A function of options to the texts that the command writes."""
    capsys.readouterr()

    def write(*options):
        assert generate.main([str(run.path), *options]) == 0
        out = capsys.readouterr().out
        assert out.endswith("\n")
        return out[:-1].split(f"\n{generate.BETWEEN}\n")

    return write


def test_all_ways_to_the_likeliest_word_are_the_models_own(run, written):
    """Greedy, the likeliest alone, a beam of 1, the smallest nucleus and the least temperature."""
    (text,) = written("--start=w3 w4", "--max_new_tokens=25", "--temperature=0")
    words = text.replace("\n", " <eos> ").split()
    assert words[:2] == ["w3", "w4"] and len(words) == 27
    ids = to_ids(["<eos>", *words], run.read_vocabulary())
    ways = {"top_k": 1}, {"beam": 1}, {"top_p": 1e-9}
    writings = [
        generate.Writing(max_new_tokens=25, **way) for way in (*ways, {"temperature": 1e-5})
    ]

    def add(model):
        return model.logits(), [generate.add_texts(one, model) for one in writings]

    with evaluate.trained_model(run, add=add) as (_, model, session, _, (logits, found)):
        # The model in one walk from zero along the whole text, which says the same of each place.
        values = session.run(logits, {model.inputs["input_data"]: ids[None, :-1]})
        assert values[:, 0].argmax(axis=1)[2:].tolist() == ids[3:].tolist()
        state = Walk(session, model, "input_data")(ids[None, :2])
        for new_words, feeds in found:
            new = session.run(new_words, dict(zip(feeds, [ids[2:3], 1, *state], strict=True)))
            assert new.tolist() == [ids[3:].tolist()]


@pytest.mark.long
def test_a_wider_beam_writes_likelier_texts_the_likeliest_first(run, written):
    options = ["--start=w3", "--max_new_tokens=6"]
    texts = written(*options, "--beam=20", "--num_samples=3") + written(*options, "--temperature=0")
    likely = []
    with evaluate.trained_model(run, add=lambda model: model.log_probs()) as trained:
        for text in texts:
            words = text.replace("\n", " <eos> ").split()
            ids = to_ids(["<eos>", *words], run.read_vocabulary())[None]
            feed = {"input_data": ids[:, :-1], "targets": ids[:, 1:]}
            feed = {trained.model.inputs[name]: array for name, array in feed.items()}
            likely.append(float(trained.session.run(trained.added, feed)[-6:].sum()))
    assert len(set(texts[:3])) == 3
    assert likely[:3] == sorted(likely[:3], reverse=True)
    assert likely[0] >= likely[3]
    every = written("--beam=50", "--num_samples=50", "--max_new_tokens=1")
    assert len(every) == len(set(every)) == len(run.read_vocabulary())


def test_equal_seeds_are_equal_texts_and_a_text_does_not_depend_on_the_others(written):
    texts = written("--num_samples=5", "--seed=7")
    assert len(set(texts)) == 5
    assert written("--num_samples=2", "--seed=7") == texts[:2]
    assert written("--seed=8")[0] not in texts


def test_characters_are_joined_and_a_start_is_split_into_them(run):
    words = run.read_vocabulary()
    named = dict(zip(words, "_abcdefghijklmn", strict=False)) | {"<unk>": "<unk>", EOS: EOS}
    start, writing = ["w3", "w4"], generate.Writing(max_new_tokens=30)
    letters = [*named.values()]
    texts = [
        next(generate.write(run, "best", vocabulary, writing, [start]))
        for vocabulary, start in [(words, start), (letters, ["".join(map(named.get, start))])]
    ]
    expected = "".join(named[word] for word in texts[0].replace("\n", " <eos> ").split())
    assert texts[1] == expected.replace("<eos>", "\n").replace("_", " ")


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "rnn", "use_bias": False},
        {"num_layers": 2, "forget_bias": 1.0, "tie_embedding": True},
        {"cell": "lstm_peephole", "precision": "bfloat16"},
    ],
    ids=["rnn", "two layers, tied", "peepholes, bfloat16"],
)
def test_a_step_is_that_of_the_model_for_every_kind_of_network(changes):
    config = PTBConfig(vocab_size=9, hidden_size=6, batch_size=1, **{"num_layers": 1, **changes})
    words = np.array([[3, 1, 4, 1, 5, 8]], np.int32)
    with tf.Graph().as_default(), open_session() as session:
        model = build_evaluation(problems.PROBLEMS["ptb"], config)
        variables = tf.global_variables()
        step, state, steps = model.step, model.initial_state, []
        for word in words[0]:
            logits, state = step(tf.constant([word]), state)
            steps.append(logits)
        assert tf.global_variables() == variables, "the model's own"
        weights = random_weights(variables)
        load(session, {variable: weights[variable.op.name] for variable in variables})
        fetches = [[tf.stack(steps), state], [model.logits(), model.final_state]]
        own, expected = session.run(fetches, {model.inputs["input_data"]: words})
    tf.nest.assert_same_structure(own, expected)
    for one, other in zip(tf.nest.flatten(own), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_text_has_lines_and_goes_on_where_the_start_ends(written):
    (text,) = written("--start", "w1 w2\nw3", "--max_new_tokens", "60")
    assert re.fullmatch(r"w1 w2\nw3\s[\s\S]*", text)
    assert "<eos>" not in text and "\n" in text[len("w1 w2\nw3") :]
    assert not re.search(r" \n|\n |  | \Z", text)
    assert len(text.replace("\n", " x ").split()) == 4 + 60


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("w1 w2\nw3", ["w1", "w2", "<eos>", "w3"]),
        ("w1\r\nw3\r\n", ["w1", "<eos>", "w3", "<eos>"]),
        ("w1 <EOS>\n<UNK>", ["w1", "<eos>", "<unk>"]),
    ],
)
def test_a_start_that_is_a_file_has_its_lines(tmp_path, content, words):
    (tmp_path / "text").write_text(content, newline="")
    start = f"FILE:{tmp_path / 'text'}"
    options = generate.make_parser().parse_args(["run", "--start", start])
    assert generate.read_start(options) == words


def test_a_start_of_any_length_is_walked_whole(run, monkeypatch):
    words = np.arange(30, dtype=np.int32)[None] % 12
    with evaluate.trained_model(run) as (_, model, session, *_):
        walk = Walk(session, model, "input_data")
        whole = walk(words)
        monkeypatch.setattr("training.generation.PIECE", 7)
        parts = walk(words)
        nothing = walk(words[:, :0])
        other = walk(words[:, 7:])
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)
    assert np.all(np.array(nothing) == 0) and not np.allclose(other, whole)


def test_unknown_words_are_said_and_read_as_unk(run, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["generate.py"])
    many = " ".join(f"x{number}" for number in range(14))
    starts = ["w1 dragon \x1b[31m dragon", "w1 <UNK> <unk> <UNK>", many]
    writing = generate.Writing(max_new_tokens=9, temperature=0.0)
    words = [generate.words_of(start) for start in starts]
    one, same, _ = generate.write(run, "best", run.read_vocabulary(), writing, words)
    assert one.split()[4:] == same.split()[4:]
    first, second = capsys.readouterr().err.splitlines()
    about = "generate.py: warning: the run does not know"
    assert first == f"{about} 'dragon', '\\x1b[31m'; read as <unk>"
    assert second.startswith(f"{about} 'x0', 'x1',")
    assert second.endswith("'x8', 'x9' and 4 more; read as <unk>")


def test_each_line_that_is_typed_goes_on(written, monkeypatch):
    """By a seed of its own; the first one as with --start."""
    monkeypatch.setattr("sys.stdin", io.StringIO("w1 w2\nw1 w2"))
    (texts,) = written("--interactive", "--max_new_tokens=8")
    (text,) = written("--start=w1 w2", "--max_new_tokens=8")
    assert texts.startswith(f"{text}\nw1 w2")
    again = texts.removeprefix(f"{text}\n")
    assert len(again.replace("\n", " x ").split()) == 10
    assert again != text


def test_what_is_typed_is_text(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(" \nw1 w2"))
    assert [*generate.typed_lines()] == [["w1", "w2"]]
    assert "the start is empty: it needs a word" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"w1 \xff\n"), "utf-8"))
    with pytest.raises(UserError, match="standard input is not UTF-8 text"):
        next(generate.typed_lines())


MISTAKES = [
    (["--start", ""], "the start is empty"),
    (["--start", " \n"], "the start is empty"),
    (["--start", "w1 \udcff"], "the start is not UTF-8 text"),
    (["--start", "FILE:/nowhere"], "cannot read /nowhere"),
    (["--start", "w1", "--interactive"], "--start cannot be given"),
    (["--num_samples", "0"], "num_samples must be a whole number from 1"),
    (["--max_new_tokens", "x"], "max_new_tokens must be a whole number from 1"),
    (["--temperature", "-1"], "temperature must be a number from 0"),
    (["--top_p", "0"], "top_p must be a number above 0 and at most 1"),
    (["--top_k", "1.5"], "top_k must be a whole number from 0"),
    (["--seed", "-1"], "seed must be a whole number from 0"),
    (["--beam", "3", "--seed", "1"], "--seed is for words that are drawn; --beam searches them"),
    (["--beam", "3", "--num_samples", "4"], "--beam 3 finds fewer than 4 texts"),
    (["--plot", "a.png"], "--plot is for curves"),
    (["--num_samples", "99999", "--max_new_tokens", "999999"], "99,999 texts at once takes about"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_mistakes_are_refused_in_one_line(run, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    with pytest.raises(UserError) as refused:
        generate.main([str(run.path), *options])
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert capsys.readouterr().out == ""
    assert [*tmp_path.iterdir()] == []


def costs_of_sentences(sentences):
    """Nats of each sentence by the language's own model, which knows nothing before it.

    Infinite where the language has no such sentence.
    """
    language = build_language()
    places = {word: place for place, word in enumerate(language.words)}
    found = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for words in sentences:
            known = all(word in places for word in words)
            ids = [places[EOS]] + [places.get(word, 0) for word in [*words, EOS]]
            prior = language.emission[:, places[EOS]] / language.emission[:, places[EOS]].sum()
            cost = prediction_costs(language, np.array([ids]), prior).sum()
            found.append(cost if known and np.isfinite(cost) else np.inf)
    return np.array(found)


def is_grammatical(words):
    """Whether each word has a class that may follow, whatever its topic."""
    places = {START}
    for word in [*words, EOS]:
        kinds = {kind for row in (COMMON, *TOPICS) for kind in row if word in row[kind].split()}
        places = {place for place in places if GRAMMAR[place][0] in kinds}
        ended = bool(places)
        places = {following for place in places for following in GRAMMAR[place][1]}
    return ended


@pytest.mark.long
def test_what_a_trained_network_writes_is_of_the_samples_language(tmp_path):
    """Nearly all sentences follow the grammar, and most keep to a topic; those that do, and so can
    be of the language, are as likely by its own model as its sentences are.
    """
    changes = {"hidden_size": 64, "num_layers": 1, "optimizer": "adam", "learning_rate": 0.01}
    config = dataclasses.replace(
        PTBConfig(), data_path=str(SAMPLE), epochs=4, decay="linear", decay_after=1, **changes
    )
    training = corpora.make_training(tmp_path, config)
    training.run_to_the_end()
    vocabulary = training.data.vocabulary
    training.run.vocabulary.write_text("".join(f"{word}\n" for word in vocabulary))
    writing = generate.Writing(num_samples=50, max_new_tokens=250)
    (text,) = generate.write(training.run, "best", vocabulary, writing, [[]])
    texts = text.split(f"\n{generate.BETWEEN}\n")
    written = [line.split() for one in texts for line in one.split("\n")[:-1]]
    own = " ".join(read_words(split_path(SAMPLE, "test"))).split(f" {EOS}")
    own = [line.split() for line in own if line.strip()]
    assert len(written) > 1000
    costs, own_costs = costs_of_sentences(written), costs_of_sentences(own)
    assert np.isfinite(own_costs).all() and all(map(is_grammatical, own))
    assert np.mean([*map(is_grammatical, written)]) > 0.95
    possible = np.isfinite(costs)
    assert possible.mean() > 0.75
    lengths, own_lengths = (np.array([len(one) + 1 for one in some]) for some in (written, own))
    entropy = own_costs.sum() / own_lengths.sum()
    assert costs[possible].sum() / lengths[possible].sum() == pytest.approx(entropy, rel=0.05)
    assert lengths.mean() == pytest.approx(own_lengths.mean(), rel=0.05)
