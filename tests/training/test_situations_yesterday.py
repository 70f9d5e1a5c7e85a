"""Runs of earlier versions, in tests/data/runs, and runs whose files were changed since."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import corpora
import pytest
import tensorflow.compat.v1 as tf

import compare
import evaluate
import problems
import train
from config import PTBConfig
from training import saving
from training.command import UserError
from training.progress import Progress, difference, made_with
from training.run import Run

RUNS = Path(__file__).resolve().parents[1] / "data" / "runs"
CORPUS = RUNS / "corpus"
NAMES = sorted(path.name for path in RUNS.iterdir() if (path / "config.json").exists())


@pytest.fixture
def old(request, tmp_path):
    """A copy of an old run."""
    return shutil.copytree(RUNS / request.param, tmp_path / request.param)


def result_of(path):
    return json.loads((path / "result.json").read_text())


def flags_of(path):
    is_text = (path / "vocabulary.txt").exists()
    return ["--data_path", str(CORPUS)] if is_text else []


def test_there_are_runs_without_every_entry_that_was_added():
    lacking = {"cost": False, "precision": False, "decay": False, "tie_embedding": False}
    for path in RUNS.glob("*/config.json"):
        config = json.loads(path.read_text())
        record = json.loads((path.parent / "metrics.jsonl").read_text().splitlines()[0])
        for name in lacking:
            lacking[name] |= name not in {**config, **record}
    assert all(lacking.values()), lacking


@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_is_scored_as_it_was(name, monkeypatch):
    path = RUNS / name
    monkeypatch.chdir(RUNS.parents[2])
    scored = evaluate.evaluate(Run.open(path), "test", "best")
    assert scored["score"] == pytest.approx(result_of(path)["test"], rel=1e-5)


def test_old_runs_are_compared(tmp_path, capsys):
    paths = [RUNS / name for name in NAMES]
    assert compare.main([*map(str, paths), "--plot", str(tmp_path / "a.png")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(name in out for name in NAMES)


@pytest.mark.parametrize("missing", ["best_epoch", "seconds", "parameters", "test_last"])
def test_a_result_without_an_entry_is_compared(tmp_path, missing):
    path = shutil.copytree(RUNS / NAMES[0], tmp_path / "run")
    result = {k: v for k, v in result_of(path).items() if k != missing}
    (path / "result.json").write_text(json.dumps(result))
    entry = compare.read_run(path, "run")
    assert entry.figures[missing] is None
    assert entry.figures["test"] == result["test"]


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"tensorflow": "2.20.0", "kernels": "marked"}, "with TensorFlow '2.20.0'"),
        ({"tensorflow": tf.__version__, "kernels": "copied"}, "processor with other matrix"),
        ({"tensorflow": tf.__version__}, "processor with other matrix"),  # of former versions
        ({"tensorflow": tf.__version__, "kernels": "marked"}, ""),
    ],
)
def test_a_checkpoint_of_another_processor_says_so(monkeypatch, then, said):
    monkeypatch.setattr(saving.layout, "name", lambda: "marked")
    checkpoint = SimpleNamespace(progress={"made_with": then}, path=Path("model-7"))
    line = saving.Saving.made_elsewhere(None, checkpoint)
    assert said in line and bool(said) == bool(line)


@pytest.mark.parametrize(
    "old",
    ["words_without_cost", pytest.param("waves_without_decay", marks=pytest.mark.long)],
    indirect=True,
)
def test_an_old_run_is_resumed_with_the_meaning_that_its_fields_had(old, monkeypatch, capsys):
    """By another TensorFlow, which is told, and no reason to refuse it."""
    monkeypatch.setattr(saving.tf, "__version__", "9.9")
    records = [json.loads(line) for line in (old / "metrics.jsonl").read_text().splitlines()]
    more = ["--epochs", "3"] if flags_of(old) else []  # sin_cos: the data depend on it
    assert train.main(["--resume", str(old), *flags_of(old), *more]) == 0
    said = capsys.readouterr().out
    assert "going on from step" in said
    assert "was made with TensorFlow '2.21.0', this is 9.9: the last digits may differ" in said
    config = json.loads((old / "config.json").read_text())
    assert (config["precision"], config["decay"]) == ("float32", "epochs")
    lines = [json.loads(line) for line in (old / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == len(records) + bool(more)
    for record, line in zip(records, lines, strict=False):
        assert record.items() <= line.items()
    if more:
        assert isinstance(lines[-1]["cost"], float), "the new epoch has what the old ones lack"


def test_a_config_without_a_field_that_there_always_was_is_refused(tmp_path):
    config = json.loads((RUNS / NAMES[0] / "config.json").read_text())
    del config["hidden_size"]
    with pytest.raises(UserError, match=r"^a\.json: the field hidden_size is missing"):
        problems.from_json(json.dumps(config), "a.json")


def test_a_field_that_was_added_differs_where_it_is_not_what_it_was():
    before = {"precision": "float32"}
    then = made_with(PTBConfig(), [])
    del then["config"]["precision"]
    assert difference(then, made_with(PTBConfig(), []), before) == ""
    now = made_with(PTBConfig(precision="bfloat16"), [])
    assert difference(then, now, before) == "config (precision)"


def test_the_cost_of_an_epoch_that_was_begun_without_one_is_unknown():
    record = {"epoch": 1, "step": 10, "learning_rate": 1.0, "train": 1.0, "valid": 1.0}
    record |= {"gradient_norm": 1.0, "seconds": 1.0}
    sums = {"step": 12, "total": 1.0, "count": 1.0, "norm": 1.0, "seconds": 1.0, "done": 2}
    rest = {"lr_scale": 1.0, "elapsed": 1.0, "records": [record]}
    progress = Progress.from_dict({**sums, **rest}, Path("here"))
    assert progress.cost != progress.cost, "NaN"
    progress = Progress.from_dict({**sums, **rest, "step": 10, "done": 0}, Path("here"))
    assert progress.cost == 0.0


# ------------------------------------------------------------------------------ changed since


@pytest.mark.parametrize("change", [None, "text", "another split", "missing"])
def test_data_that_have_changed_since_the_training_are_told(tmp_path, capsys, change):
    corpus = shutil.copytree(CORPUS, tmp_path / "corpus")
    path = shutil.copytree(RUNS / "words", tmp_path / "run")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "data_path": str(corpus)}))
    if change == "missing":
        (corpus / "ptb.valid.txt").unlink()
    elif change is not None:
        file = corpus / ("ptb.test.txt" if change == "text" else "ptb.train.txt")
        file.write_text("w1 w2\n" + file.read_text())
    evaluate.evaluate(Run(path), "test", "best")
    err = capsys.readouterr().err
    told = f"warning: the data in {corpus} are not those that {path} was trained on\n"
    assert err.endswith(told) if change else err == ""
    assert len(err.splitlines()) == bool(change)


def test_another_text_that_was_asked_for_is_no_change(tmp_path, capsys):
    corpora.write_corpus(tmp_path / "other", sizes=(100, 50, 50))
    evaluate.evaluate(Run(RUNS / "words"), "test", "best", tmp_path / "other")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.rstrip(b"\n"),
        lambda text: text + b"\n\n",
        lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n").rstrip(),
    ],
)
def test_a_vocabulary_that_an_editor_has_saved_is_read(tmp_path, edit):
    path = shutil.copytree(RUNS / "words", tmp_path / "run")
    words = Run(path).read_vocabulary()
    file = path / "vocabulary.txt"
    file.write_bytes(edit(file.read_bytes()))
    assert Run(path).read_vocabulary() == words
    now = made_with(problems.load(path / "config.json"), Run(path).read_vocabulary())
    then = Run(path).find_checkpoint("last", warn=print).progress["made_with"]
    assert difference(then, now, {}) == ""


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "result.json"])
def test_files_that_an_editor_has_saved_are_compared(tmp_path, name):
    path = shutil.copytree(RUNS / "words", tmp_path / "run")
    before = compare.read_run(path, "run")
    content = (path / name).read_bytes().replace(b"\n", b"\r\n") + b"\r\n"
    (path / name).write_bytes(b"\xef\xbb\xbf" + content)
    assert compare.read_run(path, "run") == before
