"""evaluate.py for more than one plain run: ensembles, dynamic evaluation, caches; mistakes."""

import json
import math
from contextlib import ExitStack, closing

import corpora
import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
import tiny

import evaluate
from reader import read_words, split_path, to_ids
from training import adaptation_options, ensemble
from training.adaptation import CHUNK, Segment, WordCache, walk
from training.adaptation_options import Adaptation, Cache, Dynamic, Temperature
from training.command import UserError
from training.config_files import to_json
from training.run import Run

STEPS = 5  # words in a segment
CARRY = (True, False)  # of each run
FAST = Dynamic(0.05, 0.1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpora.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def runs(corpus, tmp_path_factory):
    """Two networks that differ; the second one starts from zero at each segment."""
    folder, found = tmp_path_factory.mktemp("logs"), []
    for seed, carry in enumerate(CARRY, 1):
        fields = {"hidden_size": 8, "optimizer": "adam", "learning_rate": 0.03, "epochs": 2}
        fields |= {"seed": seed, "carry_state": carry, "num_layers": 1, "num_steps": STEPS}
        config = corpora.tiny_config(corpus, **fields)
        training = corpora.make_training(folder / f"seed{seed}", config)
        training.run_to_the_end()
        words = "".join(f"{word}\n" for word in training.data.vocabulary)
        (folder / f"seed{seed}" / "vocabulary.txt").write_text(words)
        found.append(Run(folder / f"seed{seed}"))
    return found


@pytest.fixture(scope="module")
def ids(corpus, runs):
    """Of the test split."""
    return to_ids(read_words(split_path(corpus, "test")), runs[0].read_vocabulary())


def weights(run):
    """The variables of the best checkpoint: kernel and bias of the cell, embedding, softmax."""
    folder = run.find_checkpoint("best", warn=print).path
    found = tf.train.load_checkpoint(str(folder / "variables"))
    names = found.get_variable_to_shape_map()
    ends = ("/kernel", "/bias", "Model/embedding", "softmax_w", "softmax_b")
    paths = [next(name for name in sorted(names) if name.endswith(end)) for end in ends]
    return [found.get_tensor(path).astype(float) for path in paths]


@pytest.fixture(scope="module", autouse=True)
def open_once():
    """Each model is opened once for all calls of `open_members`."""
    opened, original = {}, evaluate.open_members
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def open_members(runs, which, adaptation, _):
            found = []
            for run in runs:
                key = (run.path, which, adaptation.kinds.removesuffix("+cache"))
                if key not in opened:
                    opened[key] = original([run], which, adaptation, stack)
                found.append(opened[key])
            members, checkpoints = zip(*found, strict=True)
            return [one for [one] in members], [one for [one] in checkpoints]

        patch.setattr(evaluate, "open_members", open_members)
        yield


@pytest.fixture(scope="module")
def members(runs, open_once):
    """Both models, open; they read in segments of STEPS words."""
    return evaluate.open_members(runs, "best", Adaptation(Dynamic(), Temperature()), None)[0]


def step_by_hand(weights, inputs, targets, state):
    """Log probabilities, outputs, final state, and gradients of the summed cost."""
    kernel, bias, embedding, softmax_w, softmax_b = weights
    cells = [reference.LSTM(kernel, bias, forget_bias=0.0)]
    start = [state or reference.zero_state(cells[0], 1)]
    found, final, tapes = reference.unroll_stack(cells, embedding[inputs][:, None], start)
    outputs = found[:, 0]
    losses, d_logits = reference.softmax_cross_entropy(outputs @ softmax_w + softmax_b, targets)
    d_outputs = (d_logits @ softmax_w.T)[:, None]
    [back] = reference.unroll_stack_backward(tapes, d_outputs, [(0.0, 0.0)])
    d_embedding = np.zeros_like(embedding)
    np.add.at(d_embedding, inputs, back.inputs[:, 0])
    cell = [back.weights["kernel"], back.weights["bias"]]
    gradients = [*cell, d_embedding, outputs.T @ d_logits, d_logits.sum(axis=0)]
    return -losses, outputs, final[0], gradients


def walk_by_hand(weights, ids, carry, lr=0.0, decay=0.0):
    """Log probabilities and outputs of all words, each segment scored before it is learnt from."""
    trained, found, state = weights, [], None
    for start in range(0, len(ids) - 1, STEPS):
        piece = ids[start : start + STEPS + 1]
        *scored, state, gradients = step_by_hand(weights, piece[:-1], piece[1:], state)
        state = state if carry else None
        found.append(scored)
        weights = [
            now - lr * gradient + decay * (before - now)
            for now, gradient, before in zip(weights, gradients, trained, strict=True)
        ]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def cache_by_hand(targets, log_probs, outputs, size, theta, weight):
    """Word by word, as the paper has it."""
    found = []
    for t, word in enumerate(targets):
        share, total = 0.0, 0.0
        for i in range(max(t - size, 0), t):
            alike = math.exp(theta * float(outputs[t] @ outputs[i]))
            total += alike
            share += alike * (targets[i] == word)
        model = math.exp(log_probs[t])
        found.append(math.log((1 - weight) * model + weight * share / total if total else model))
    return np.array(found)


def costs(members, ids, dynamic=None, *caches):
    return ensemble.mean_costs(members, ids, dynamic, caches or [None])


def test_an_ensemble_is_the_mean_of_the_probabilities(runs, members, ids):
    words = [
        walk_by_hand(weights(run), ids, carry)[0] for run, carry in zip(runs, CARRY, strict=True)
    ]
    for one, expected in zip(members, words, strict=True):
        assert costs([one], ids) == pytest.approx([-expected.mean()], rel=1e-6)
    together = -np.log((np.exp(words[0]) + np.exp(words[1])) / 2).mean()
    assert costs(members, ids) == pytest.approx([together], rel=1e-6)
    # The mean of the logs, or of the two scores, would be another figure.
    assert abs(together + np.mean(words)) > 1e-3


def test_a_temperature_divides_the_logits(runs, members, ids):
    plain = costs(members[:1], ids)
    outputs = walk_by_hand(weights(runs[0]), ids, CARRY[0])[1]
    softmax_w, softmax_b = weights(runs[0])[3:]
    for tau in (0.8, 1.5):
        scaled = np.exp((outputs @ softmax_w + softmax_b) / tau)
        p = scaled[np.arange(len(scaled)), ids[1:]] / scaled.sum(1)
        found = ensemble.mean_costs(members[:1], ids, None, [None], Temperature(tau))
        assert found == pytest.approx([-np.log(p).mean()], rel=1e-6)
        assert abs(found[0] - plain[0]) > 1e-3
    assert costs(members[:1], ids) == plain


def test_dynamic_evaluation_scores_each_segment_before_it_learns_from_it(runs, members, ids):
    plain = costs(members, ids)
    for lr, decay in ((0.05, 0.0), (0.05, 0.2)):
        words = [
            walk_by_hand(weights(run), ids, carry, lr, decay)[0]
            for run, carry in zip(runs, CARRY, strict=True)
        ]
        for one, expected in zip(members, words, strict=True):
            found = costs([one], ids, Dynamic(lr, decay))
            assert found == pytest.approx([-expected.mean()], rel=1e-5)
            assert abs(found[0] - costs([one], ids)[0]) > 1e-3
    assert costs(members, ids, Dynamic(0.0, 0.1)) == pytest.approx(plain, rel=1e-6)


def test_weights_that_adapted_are_the_trained_ones_again(members, ids):
    session, variables = members[0].session, members[0].session.graph.get_collection("variables")
    before = session.run(variables)
    with (
        pytest.raises(RuntimeError),
        closing(walk(*members[0][:3], members[0].read(ids), FAST)) as f,
    ):
        next(f)
        assert any((a != b).any() for a, b in zip(before, session.run(variables), strict=True))
        raise RuntimeError
    assert all((a == b).all() for a, b in zip(before, session.run(variables), strict=True))


def test_a_cache_mixes_in_the_words_that_were_last_seen(runs, members, ids):
    caches = [Cache(7, 0.5, 0.3), Cache(7, 2.0, 0.3), Cache(1000, 0.5, 0.3), Cache(7, 0.5, 0.1)]
    for run, one, carry in zip(runs, members, CARRY, strict=True):
        words, outputs = walk_by_hand(weights(run), ids, carry)
        expected = [-cache_by_hand(ids[1:], words, outputs, *cache).mean() for cache in caches]
        assert costs([one], ids, None, *caches) == pytest.approx(expected, rel=1e-6)
        assert len({round(cost, 4) for cost in expected}) == len(caches)
    assert costs(members, ids, None, Cache(7, 0.5, 0.0)) == pytest.approx(costs(members, ids))


def test_a_cache_of_what_adapts_keeps_the_outputs_of_the_weights_of_their_time(runs, members, ids):
    words, outputs = walk_by_hand(weights(runs[0]), ids, True, *FAST)
    expected = -cache_by_hand(ids[1:], words, outputs, 7, 0.5, 0.3).mean()
    assert costs(members[:1], ids, FAST, Cache(7, 0.5, 0.3)) == pytest.approx([expected], rel=1e-5)


def test_a_cache_does_not_depend_on_how_the_stream_is_cut():
    random = np.random.default_rng(3)
    length, size = 2 * CHUNK + 60, CHUNK - 30
    targets, log_p = random.integers(0, 9, length), -random.uniform(0.1, 5, length)
    outputs = random.normal(size=(length, 4))
    expected = cache_by_hand(targets, log_p, outputs, size, 0.7, 0.2)
    for cut in (1, 37, length):
        pieces = [slice(start, start + cut) for start in range(0, length, cut)]
        cache = WordCache(Cache(size, 0.7, 0.2))
        found = [cache.add(Segment(targets[p], log_p[p], outputs[p])) for p in pieces]
        assert np.concatenate(found) == pytest.approx(expected, rel=1e-9)


def test_a_cache_alone_gives_a_word_that_it_lacks_no_probability():
    segment = Segment(np.array([1, 1, 2]), np.full(3, -1.0), np.full([3, 1], 30.0))
    found = WordCache(Cache(5, 1e3, 1.0)).add(segment)
    assert found.tolist() == [-1.0, 0.0, -math.inf]


def test_tuning_takes_the_best_of_the_grid(members, ids, monkeypatch):
    rates = [Dynamic(1e38, 0.0), Dynamic(0.001, 0.0), Dynamic(0.02, 0.0), Dynamic(50.0, 0.5)]
    caches = [Cache(20, 0.5, 0.9), Cache(20, 0.5, 0.02), Cache(20, 0.5, 0.4)]
    monkeypatch.setattr(ensemble, "DYNAMIC_GRID", rates)
    monkeypatch.setattr(ensemble, "CACHE_GRID", caches)
    taus = [Temperature(0.5), Temperature(1.3)]
    monkeypatch.setattr(ensemble, "TEMPERATURE_GRID", taus)
    alone = [costs(members[:1], ids, one)[0] for one in rates]
    assert math.isnan(alone[0])  # which is taken for the worst
    best = rates[int(np.nanargmin(alone))]
    tempered = [ensemble.mean_costs(members[:1], ids, best, [None], one)[0] for one in taus]
    tau = taus[int(np.argmin(tempered))]
    with_cache = ensemble.mean_costs(members[:1], ids, best, caches, tau)
    cost, found = ensemble.tune(members[:1], ids, Adaptation(Dynamic(), Temperature(), Cache()))
    assert found == Adaptation(best, tau, caches[int(np.argmin(with_cache))])
    assert cost == pytest.approx(min(with_cache))
    assert ensemble.tune(members[:1], ids, Adaptation(Dynamic()))[1] == Adaptation(best)


# --------------------------------------------------------------------------- the command


def test_the_command_marks_what_adapts_and_changes_no_run(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ensemble, "DYNAMIC_GRID", [Dynamic(5.0, 0.0), FAST])
    paths = [str(run.path) for run in runs]
    before = {path: path.read_bytes() for path in runs[0].path.rglob("*") if path.is_file()}

    def result(*words):
        file = tmp_path / "score.json"
        assert evaluate.main([*words, "--json", str(file)]) == 0
        return json.loads(file.read_text()), capsys.readouterr().out.splitlines()

    plain, [line] = result(paths[0])
    assert "adapts" not in plain and "adapts" not in line
    both, [line] = result(paths[0], "--split", "test", paths[1])
    assert both["runs"] == paths and len(both["checkpoints"]) == 2 and "run" not in both
    assert line == f"test perplexity {both['score']:.4f}  (ensemble of 2 runs)"
    adapted, lines = result(paths[0], "--dynamic", "--tune")
    assert (adapted["adapts"], adapted["tuned_on"]) == ("dynamic", "valid")
    assert adapted["settings"] == {"dynamic_lr": 0.05, "dynamic_decay": 0.1}
    assert lines[0].startswith("--dynamic_lr 0.05 --dynamic_decay 0.1: valid perplexity ")
    assert lines[1] == (
        f"test perplexity {adapted['score']:.4f}  ({plain['checkpoint']}, adapts while it is "
        "scored: dynamic, dynamic_lr 0.05, dynamic_decay 0.1)"
    )
    # The settings were found on the validation split; the same ones give the same test score.
    [valid] = lines[0].split()[-1:]
    words = ["--dynamic", "--dynamic_lr", "0.05", "--dynamic_decay", "0.1"]
    assert f"{result(paths[0], *words, '--split', 'valid')[0]['score']:.5g}" == valid
    again, _ = result(paths[0], *words)
    assert again["score"] == adapted["score"] != plain["score"]
    assert "test" not in again and "tuned_on" not in again
    after = {path: path.read_bytes() for path in runs[0].path.rglob("*") if path.is_file()}
    assert after == before


def test_numbers_that_are_given_arrive():
    words = ["run", "--dynamic", "--cache", "--temperature", "--dynamic_decay", "0.5"]
    words += [
        "--temperature_tau",
        "1.2",
        "--cache_size",
        "9",
        "--cache_theta",
        "2",
        "--cache_lambda",
        "0.25",
    ]
    options = evaluate.make_parser().parse_args(words)
    found = adaptation_options.read_adaptation(options)
    assert found == (Dynamic(decay=0.5), Temperature(1.2), Cache(9, 2.0, 0.25))
    assert found.kinds == "dynamic+temperature+cache"
    assert found.flags.endswith(" ".join(words[4:]))
    options = evaluate.make_parser().parse_args(["run", "--cache"])
    assert adaptation_options.read_adaptation(options) == (None, None, Cache())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--tune", "--tune is for --dynamic, --temperature and --cache"),
        ("--dynamic_lr 0.1", "--dynamic_lr is for --dynamic"),
        ("--temperature_tau 2", "--temperature_tau is for --temperature"),
        ("--dynamic --cache_size 5", "--cache_size is for --cache"),
        ("--cache --tune --cache_theta 1", "--tune finds --cache_theta: leave it out"),
    ],
)
def test_options_that_say_nothing_together_are_refused(words, line, capsys):
    with pytest.raises(SystemExit) as refused:
        evaluate.main(["run", *words.split()])
    assert refused.value.code == 2 and capsys.readouterr().err == f"evaluate.py: {line}\n"


@pytest.mark.parametrize(
    "words",
    [
        *("--dynamic --dynamic_lr -1", "--dynamic --dynamic_decay 1.1", "--cache --cache_size 0"),
        *("--cache --cache_lambda 2", "--cache --cache_theta nan", "--cache --cache_size 2.5"),
        "--temperature --temperature_tau 0",
    ],
)
def test_numbers_that_cannot_be_are_refused(words):
    with pytest.raises(UserError, match=f"^{words.split()[1][2:]} must be a"):
        evaluate.main(["run", *words.split()])


def test_what_is_no_language_model_of_the_vocabulary_is_refused(runs, tmp_path):
    for name, words in (("other", "a\n<unk>\n"), ("none", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(runs[0].config.read_text())
        if words:
            (tmp_path / name / "vocabulary.txt").write_text(words)
    (tmp_path / "sine").mkdir()
    (tmp_path / "sine" / "config.json").write_text(to_json(tiny.tiny("sine")))
    first = str(runs[0].path)
    for name, line in (
        ("other", "other has another vocabulary than .*seed1"),
        ("none", "none has no vocabulary"),
        ("sine", "only language models adapt and make ensembles, not runs of sine"),
    ):
        with pytest.raises(UserError, match=f"{line}$"):
            evaluate.main([first, str(tmp_path / name)])
    with pytest.raises(UserError, match="only language models"):
        evaluate.main([str(tmp_path / "sine"), "--cache"])


def test_a_rate_that_is_too_high_is_said(runs):
    with pytest.raises(UserError, match=r"^the weights have diverged .* lower --dynamic_lr$"):
        evaluate.main([str(runs[0].path), "--dynamic", "--dynamic_lr", "1e9"])
