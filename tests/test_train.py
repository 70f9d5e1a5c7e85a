"""The command as a person uses it: what it says, what it writes, how it ends."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import corpora
import processes
import pytest

import evaluate
import problems
import train
from training import step
from training.command import UserError
from training.run import Run

ROOT = Path(__file__).resolve().parents[1]
TINY = ["--config", "test", "--batch_size", "4", "--num_steps", "5", "--hidden_size", "8"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return str(corpora.write_corpus(tmp_path_factory.mktemp("corpus")))


def command(name, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A run made by the command, in a process of its own; what it printed, and its folder."""
    logs = tmp_path_factory.mktemp("logs")
    done = command("train.py", *TINY, "--data_path", corpus, "--logdir", logs, "--name", "first")
    return done, logs / "first"


def test_a_run_says_what_it_does_in_plain_lines_and_nothing_else(trained):
    done, path = trained
    assert (done.returncode, done.stderr) == (0, "")
    assert "vocabulary of 14" in done.stdout
    assert "lstm of 8 units" in done.stdout
    assert "parameters" in done.stdout
    assert "epoch  1  lr 1" in done.stdout
    assert f"tensorboard --logdir {path.parent}" in done.stdout
    assert "\x1b" not in done.stdout, "no terminal, so no control characters"
    result = json.loads((path / "result.json").read_text())
    assert f"test perplexity {result['test']:.5g}" in done.stdout


def test_a_runs_folder_holds_all_that_is_promised(trained):
    names = {path.name.split(".tfevents")[0] for path in trained[1].iterdir()}
    promised = {"config.json", "metrics.jsonl", "result.json", "vocabulary.txt", "curves.png"}
    assert promised | {"checkpoints", "events.out"} <= names


def test_evaluate_gives_the_score_that_training_reported(trained, tmp_path):
    result = json.loads((trained[1] / "result.json").read_text())
    done = processes.run([ROOT / "evaluate.py", trained[1], "--json", tmp_path / "score.json"])
    assert (done.returncode, done.stderr) == (0, "")
    assert f"test perplexity {result['test']:.4f}" in done.stdout
    assert json.loads((tmp_path / "score.json").read_text())["score"] == result["test"]


def test_evaluate_scores_other_splits_and_other_texts(trained, tmp_path):
    result = json.loads((trained[1] / "result.json").read_text())
    valid = processes.run([ROOT / "evaluate.py", trained[1], "--split", "valid"])
    assert f"valid perplexity {result['valid']:.4f}" in valid.stdout
    text = tmp_path / "other.txt"
    text.write_text("w1 w2 never-seen w3\n")
    other = processes.run([ROOT / "evaluate.py", trained[1], "--data_path", text])
    assert other.returncode == 0
    assert "test perplexity" in other.stdout


@pytest.fixture(scope="module")
def not_carried(corpus, tmp_path_factory):
    """A run whose every minibatch starts from zero."""
    logs = tmp_path_factory.mktemp("logs")
    fields = [*TINY, "--data_path", corpus, "--carry_state", "false"]
    assert train.main([*fields, "--logdir", str(logs), "--name", "fresh"]) == 0
    return logs / "fresh"


def test_evaluate_starts_from_zero_as_often_as_the_training_did(not_carried, monkeypatch):
    """And in a graph that cannot grow."""
    graphs, mean_score = [], step.mean_score

    def noting(session, *rest):
        graphs.append(session.graph)
        return mean_score(session, *rest)

    monkeypatch.setattr(step, "mean_score", noting)
    result = json.loads((not_carried / "result.json").read_text())
    scored = [evaluate.evaluate(Run(not_carried), split, "best") for split in ("valid", "test")]
    assert [one["score"] for one in scored] == [result["valid"], result["test"]]
    assert [graph.finalized for graph in graphs] == [True, True]
    # A state that is carried gives another score, or this would say nothing.
    config = dataclasses.replace(problems.load(not_carried / "config.json"), carry_state=True)
    carried = evaluate.find_reader(Run(not_carried), config, "test", None)
    monkeypatch.setattr(evaluate, "find_reader", lambda *_: carried)
    assert evaluate.evaluate(Run(not_carried), "test", "best")["score"] != result["test"]


@pytest.mark.parametrize(
    ("unknown", "line"),
    [
        (0, ""),
        (5, "5 of 51 words (9.8%) are unknown to the run: <unk>\n"),
        (6, "6 of 51 words (11.8%) are unknown to the run: <unk>"),
    ],
)
def test_evaluate_says_how_many_words_are_unknown_and_warns_of_many(
    not_carried, tmp_path, monkeypatch, capsys, unknown, line
):
    monkeypatch.setattr(sys, "argv", ["evaluate.py"])
    text = tmp_path / "other.txt"
    words = [f"never{number % 3}" for number in range(unknown)] + ["w1"] * (50 - unknown)
    text.write_text(" ".join(words) + "\n")
    config = problems.load(not_carried / "config.json")
    evaluate.find_reader(Run(not_carried), config, "test", text)
    warning = f"evaluate.py: warning: {line}; the score says little of such a text\n"
    assert capsys.readouterr() == (("", warning) if unknown == 6 else (line, ""))


def test_events_hold_curves_histograms_graph_and_hyperparameters(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained[1])).Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"perplexity/train", "perplexity/valid", "perplexity/test"} <= scalars
    assert {
        "training/learning_rate",
        "training/gradient_norm",
        "training/words_per_second",
    } <= scalars
    assert any("softmax_w" in tag for tag in events.Tags()["histograms"])
    assert events.Tags()["graph"]
    assert events.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "smal"], "did you mean small?"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--keepprob", "0.5"], "did you mean keep_prob?"),
        (["--keep_prob", "1.5"], "keep_prob must be a number above 0 and at most 1, not 1.5"),
        (["--num_layers", "two"], "num_layers must be a whole number"),
        (["--data_path", "/nowhere"], "cannot read /nowhere/ptb.train.txt"),
        (["--batch_size", "500"], "3,000 are needed"),
        (["--resume", "/nowhere"], "/nowhere is not a run"),
        (["--resume", "auto", "--name", "x"], "no run called x"),
        (["--checkpoint_steps", "-1"], "checkpoint_steps"),
        (["--checkpoint_minutes", "nan"], "checkpoint_minutes"),
    ],
)
def test_mistakes_are_refused_in_one_line_and_nothing_is_written(
    corpus, tmp_path, capsys, arguments, message
):
    logs = tmp_path / "logs"
    with pytest.raises((UserError, SystemExit)) as refused:
        given = [*TINY, "--data_path", corpus, "--logdir", str(logs)]
        flags = {flag: value for flag, value in zip(given[::2], given[1::2], strict=True)}
        flags |= dict(zip(arguments[::2], arguments[1::2], strict=True))
        if "--resume" in flags:
            which = ("--name", "--logdir") if flags["--resume"] == "auto" else ()
            flags = {k: v for k, v in flags.items() if k in ("--resume", *which)}
        train.main([word for pair in flags.items() for word in pair])
    said = capsys.readouterr().err if refused.type is SystemExit else str(refused.value)
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not logs.exists()


def test_mistakes_end_with_status_2(tmp_path):
    done = command("train.py", "--config", "smal", "--logdir", tmp_path / "logs")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("train.py: no preset 'smal'")
    assert not (tmp_path / "logs").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(corpus, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot make the folder"):
        train.main([*TINY, "--data_path", corpus, "--logdir", str(tmp_path / "logs")])


def test_a_logdir_that_is_a_file_is_refused(corpus, tmp_path):
    (tmp_path / "logs").write_text("")
    with pytest.raises(UserError, match="cannot make the folder"):
        train.main([*TINY, "--data_path", corpus, "--logdir", str(tmp_path / "logs")])


def test_a_name_that_is_taken_is_refused_and_the_run_untouched(trained):
    before = {p: p.stat().st_mtime_ns for p in trained[1].iterdir()}
    with pytest.raises(UserError, match="exists: resume it with --resume"):
        train.main([*TINY, "--logdir", str(trained[1].parent), "--name", "first"])
    assert before == {p: p.stat().st_mtime_ns for p in trained[1].iterdir()}


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)],
)
def test_a_signal_saves_and_says_how_to_go_on(corpus, tmp_path, number, status):
    arguments = [*TINY, "--data_path", corpus, "--logdir", tmp_path, "--name", "run"]
    streams = tmp_path / "out", tmp_path / "err"
    process = processes.start([ROOT / "train.py", *arguments, "--epochs", 10000], streams)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("run/checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, number)
    process.join(120)
    assert process.exitcode == status
    again = f"python {ROOT / 'train.py'} --resume {tmp_path / 'run'}"
    assert streams[0].read_text().splitlines()[-1] == f"stopped and saved; go on with: {again}"
