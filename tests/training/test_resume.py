"""A run that is taken up again, by the command: what it may change, and what it says."""

import dataclasses
import json
import shutil
import sys

import corpora
import numpy as np
import pytest
from tiny import TINY

import problems
import train
from training import checkpoint, loop
from training.command import UserError
from training.progress import NotFinite

EPOCH = 49  # steps in an epoch of the corpus
FIELDS = ["--config=test", "--batch_size=4", "--num_steps=5", "--hidden_size=8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the runs are made: `corpus`, and the runs in `my logs`, a name with a space."""
    folder = tmp_path_factory.mktemp("resume")
    corpora.write_corpus(folder / "corpus")
    return folder


def start(folder, name, *flags, fields=(*FIELDS, "--data_path=corpus")):
    """Makes a run by the command, in the folder and with relative paths; its status and path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        status = train.main([*fields, "--logdir=my logs", f"--name={name}", *flags])
    return status, folder / "my logs" / name


@pytest.fixture(scope="module")
def finished(folder):
    """A run of one epoch."""
    status, path = start(folder, "one epoch")
    assert status == 0
    return path


@pytest.fixture(scope="module")
def waves(folder):
    """A run of sin_cos."""
    fields = [f"--{name}={value}" for name, value in TINY["sin_cos"].items()]
    status, path = start(folder, "waves", fields=("--config=sin_cos", *fields))
    assert status == 0
    return path


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run, to be changed."""
    return shutil.copytree(finished, tmp_path / "a run")


def resume(path, *flags):
    return train.main(["--resume", str(path), *flags])


def contents(path):
    """Every file of a run that has content: a lock has none."""
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file() and p.stat().st_size}


def assert_refused(path, *flags, message):
    """The run is refused in one line, and not changed."""
    before = contents(path)
    with pytest.raises(UserError) as refused:
        resume(path, *flags)
    assert str(refused.value) == message
    assert contents(path) == before


def config_of(path):
    return json.loads((path / "config.json").read_text())


# ------------------------------------------------------------------------------ more epochs


def test_a_finished_run_says_how_to_train_longer(copy, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["my scripts/train.py"])
    result = json.loads((copy / "result.json").read_text())
    assert resume(copy) == 0
    command = f"python 'my scripts/train.py' --resume '{copy}' --epochs 2"
    said = capsys.readouterr().out.splitlines()
    assert f"this run is finished: 1 of 1 epochs; to train longer: {command}" in said
    again = json.loads((copy / "result.json").read_text())
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


def test_a_run_with_more_epochs_is_the_one_that_had_them_from_the_start(folder, copy):
    status, whole = start(folder, "two epochs", "--epochs=2")
    assert (status, resume(copy, "--epochs", "2")) == (0, 0)
    assert config_of(copy) == config_of(whole)
    assert config_of(copy)["epochs"] == 2
    metrics = corpora.metrics_without_times(copy)
    assert len(metrics) == 2
    assert metrics == corpora.metrics_without_times(whole)
    results = [json.loads((path / "result.json").read_text()) for path in (copy, whole)]
    one, other = ({k: v for k, v in r.items() if k not in corpora.TIMES} for r in results)
    assert one == other
    variables = [
        path / "checkpoints" / f"step-{2 * EPOCH:010d}" / "variables.data-00000-of-00001"
        for path in (copy, whole)
    ]
    assert variables[0].read_bytes() == variables[1].read_bytes()


@pytest.mark.long
def test_the_number_of_epochs_is_kept_where_nothing_was_saved_yet(copy):
    shutil.rmtree(copy / "checkpoints")
    assert resume(copy, "--epochs", "2") == 0
    assert len(corpora.metrics_without_times(copy)) == config_of(copy)["epochs"] == 2


def test_a_linear_decay_fixes_the_number_of_epochs(copy):
    config = config_of(copy)
    (copy / "config.json").write_text(json.dumps({**config, "decay": "linear"}))
    assert_refused(
        copy,
        "--epochs=2",
        message="--epochs cannot be changed: with --decay linear the learning rate of every epoch "
        "depends on it, of those that are done, too",
    )


@pytest.mark.long
def test_data_that_depend_on_the_number_of_epochs_fix_it(waves):
    assert_refused(
        waves,
        "--epochs=3",
        message="--epochs cannot be changed: the data of sin_cos depend on it",
    )


def test_only_epochs_and_the_place_of_the_data_can_be_changed(finished):
    assert_refused(
        finished,
        "--seed=3",
        message="a run is resumed with its own config: --seed cannot be given",
    )


# ------------------------------------------------------------------------- the place of the data


def test_the_place_of_the_data_does_not_depend_on_where_the_command_was_given(folder, finished):
    assert config_of(finished)["data_path"] == str((folder / "corpus").resolve())


def test_the_data_may_move(folder, copy, tmp_path, monkeypatch):
    moved = shutil.copytree(folder / "corpus", tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    assert resume(copy, "--data_path", "moved") == 0
    assert config_of(copy)["data_path"] == str(moved.resolve())


@pytest.mark.parametrize("words", [12, 11])
def test_other_data_are_refused(copy, tmp_path, words):
    """With as many words in the vocabulary, and with fewer."""
    other = corpora.write_corpus(tmp_path / "other", seed=1, vocabulary=words)
    different = "vocabulary and data" if words == 12 else "config (vocab_size)"
    newest = copy / "checkpoints" / f"step-{EPOCH:010d}"
    message = f"{newest} was made with another {different}"
    assert_refused(copy, "--data_path", str(other), message=message)


@pytest.mark.parametrize(
    "change", [lambda words: words[::-1], lambda words: [*words[:-1], "another"]]
)
def test_a_vocabulary_in_another_order_or_with_another_word_is_refused(copy, monkeypatch, change):
    """Even though the text is the same: its words would get other ids."""
    build = train.problems.PROBLEMS["ptb"].read

    def read(config):
        data = build(config)
        return dataclasses.replace(data, vocabulary=change(list(data.vocabulary)))

    problem = dataclasses.replace(problems.PROBLEMS["ptb"], read=read)
    monkeypatch.setitem(problems.PROBLEMS, "ptb", problem)
    newest = copy / "checkpoints" / f"step-{EPOCH:010d}"
    assert_refused(copy, message=f"{newest} was made with another vocabulary")


# ----------------------------------------------------------------------------- older, or a config


def test_a_checkpoint_that_names_its_data_and_epochs_is_resumed(copy, capsys):
    """Its config holds every field, those that a resumed run may change, too."""
    newest = copy / "checkpoints" / f"step-{EPOCH:010d}"
    content = json.loads((newest / checkpoint.PROGRESS).read_text())
    content["progress"]["made_with"]["config"] |= {"data_path": "/elsewhere", "epochs": 1}
    (newest / checkpoint.PROGRESS).write_text(json.dumps(content))
    sums = (checkpoint._sum_line(newest / name) for name in checkpoint.CONTENT)
    (newest / checkpoint.SUMS).write_bytes(b"".join(sums))
    assert resume(copy, "--epochs=2") == 0
    assert f"going on from step {EPOCH}" in capsys.readouterr().out
    assert len(corpora.metrics_without_times(copy)) == 2


@pytest.mark.parametrize("name", ["finished", pytest.param("waves", marks=pytest.mark.long)])
def test_a_runs_config_is_one_to_start_from(name, request, monkeypatch):
    """Of any problem, even of one whose file is not imported yet."""
    path = request.getfixturevalue(name)
    if name == "waves":
        for table, key in (
            (sys.modules, "problems.sin_cos"),
            (problems.PROBLEMS, "sin_cos"),
            (problems.PRESETS, "sin_cos"),
        ):
            monkeypatch.delitem(table, key)
    config = problems.resolve(str(path / "config.json"), ["--seed=5"])
    assert json.loads(problems.config_files.to_json(config)) == {**config_of(path), "seed": 5}


@pytest.mark.long
def test_a_run_from_anothers_config_is_the_same_run(folder, waves):
    status, again = start(folder, "again", fields=[f"--config={waves / 'config.json'}"])
    assert status == 0
    assert config_of(again) == config_of(waves)
    lines = [(path / "metrics.jsonl").read_text().splitlines() for path in (again, waves)]
    scores = [[json.loads(line)["valid"] for line in one] for one in lines]
    assert scores[0] == scores[1]


# ----------------------------------------------------------------------------- nothing is finite


@pytest.mark.parametrize("good", [0, EPOCH])
def test_an_epoch_of_which_every_step_is_left_out_ends_the_training(
    folder, monkeypatch, capsys, good
):
    """The first epoch, or the second; what is not finite is neither written nor told."""

    class Bad(loop.Step):
        made = 0

        def __call__(self, minibatch, initial_state):
            Bad.made += 1
            if Bad.made > good:
                raise NotFinite("cost")
            return super().__call__(minibatch, initial_state)

    monkeypatch.setattr(loop, "Step", Bad)
    status, path = start(folder, f"bad {good}", "--on_nan=skip", "--epochs=3")
    said = capsys.readouterr().out.splitlines()
    assert status == 1
    epoch, saved = 1 + good // EPOCH, "what came before is saved" if good else "nothing is saved"
    assert said[-1].startswith(f"stopped: epoch {epoch}: every step was left out; {saved}")
    assert sum("left out:" in line for line in said) == EPOCH
    assert not [line for line in said if "test perplexity" in line or " inf" in line]
    assert not (path / "result.json").exists()
    metrics = path / "metrics.jsonl"
    records = corpora.metrics_without_times(path) if metrics.exists() else []
    assert [record["epoch"] for record in records] == list(range(1, epoch))
    assert all(np.isfinite(list(record.values())).all() for record in records)
