"""compare.py: its table, files and picture, and that runs from strangers do no harm."""

import csv
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import compare
import problems
from training.command import UserError
from training.config_files import to_json

ROOT = Path(__file__).resolve().parents[1]
PERPLEXITIES = [(400.0, 250.5), (200.0, 150.25), (120.0, 160.0)]  # (train, valid), an epoch each
ACCURACIES = [(0.25, 0.5), (0.75, 0.875)]


def make_run(path: Path, *flags: str, preset="small", scores=PERPLEXITIES, result=None) -> Path:
    """A run's folder, as training leaves it; `result` changes fields of result.json."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(to_json(problems.resolve(preset, flags)))
    with (path / "metrics.jsonl").open("w") as file:
        for epoch, (train, valid) in enumerate(scores, 1):
            record = {"epoch": epoch, "step": 9 * epoch, "train": train, "valid": valid}
            speed = {"words_per_second": 1000.0 * epoch, "seconds": 2.0}
            file.write(json.dumps({**record, "learning_rate": 1.0, **speed}) + "\n")
    if result is not None:
        values = {
            "metric": "perplexity", "valid": 150.25, "test": 140.123456789, "test_last": 155.0,
            "best_epoch": 2, "epochs": 3, "seconds": 61.5, "parameters": 4653200,
            "data": {"name": "x", "sha256": "0"}, "words_per_second": 12345.678,
        }  # fmt: skip
        (path / "result.json").write_text(json.dumps({**values, **result}))
    return path


def read(*paths: Path) -> list[compare.Entry]:
    labels = compare.label_runs(paths)
    return [compare.read_run(path, label) for path, label in zip(paths, labels, strict=True)]


def printed(capsys: pytest.CaptureFixture[str], entries: list[compare.Entry]) -> list[list[str]]:
    """The words of each line of the table."""
    compare.show(entries)
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_two_runs_give_exactly_this_table(tmp_path, capsys):
    a = make_run(tmp_path / "a", result={})
    flags = ("--keep_prob", "0.5", "--epochs", "3", "--use_bias", "false")
    compare.show(read(a, make_run(tmp_path / "second", *flags, result={"test": 139.0})))
    expected = """
                               a      second
────────────────────────────────────────────
use_bias                    true       false
keep_prob                    1.0         0.5
epochs                        13           3

valid perplexity          150.25      150.25
test perplexity           140.12        139*
test_last perplexity         155         155
best_epoch                     2           2
epochs_done                    3           3
seconds                     61.5        61.5
parameters             4,653,200   4,653,200
words_per_second          12,346      12,346
* the best test score of its metric
"""
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == expected.splitlines()[1:]


def test_an_unfinished_run_shows_its_epochs_so_far(tmp_path, capsys):
    scores = [(400.0, math.nan), *PERPLEXITIES]
    half, fresh = make_run(tmp_path / "half", scores=scores), make_run(tmp_path / "new", scores=[])
    lines = printed(capsys, read(half, make_run(tmp_path / "whole", result={}), fresh))
    assert ["state", "unfinished", "finished", "unfinished"] in lines
    assert ["valid", "perplexity", "150.25", "150.25"] in lines
    assert ["test", "perplexity", "140.12"] in lines
    assert ["best_epoch", "3", "2"] in lines
    assert ["epochs_done", "4", "3", "0"] in lines
    assert ["words_per_second", "2500", "12,346"] in lines


def test_the_best_test_score_is_the_lowest_perplexity_and_the_highest_accuracy(tmp_path, capsys):
    accuracy = {"preset": "subtraction", "scores": ACCURACIES}
    runs = [
        make_run(tmp_path / "p0", result={"test": math.nan}),
        make_run(tmp_path / "p1", result={"test": 100}),
        make_run(tmp_path / "p2", result={"test": 90}),
        make_run(tmp_path / "s1", **accuracy, result={"metric": "accuracy", "test": 0.5}),
        make_run(tmp_path / "s2", **accuracy, result={"metric": "accuracy", "test": 0.75}),
        make_run(tmp_path / "c", preset="sin_cos", result={"metric": "cost", "test": 0.25}),
    ]
    lines = printed(capsys, read(*runs))
    assert ["problem", "ptb", "ptb", "ptb", "subtraction", "subtraction", "sin_cos"] in lines
    assert ["test", "perplexity", "nan", "100", "90*"] in lines
    assert ["test", "accuracy", "0.5", "0.75*"] in lines
    assert ["test", "cost", "0.25"] in lines, "nothing to compare it with"
    headings = [line[0] for line in lines if line]
    assert "vocab_size" not in headings, "the runs that have this field agree in it"


@pytest.mark.parametrize(
    ("preset", "name", "better"),
    [
        ("small", "perplexity", 1.0),
        ("sin_cos", "cost", 1.0),
        ("sine", "rmse", 1.0),
        ("subtraction", "accuracy", 2.0),
        ("digits", "accuracy", 2.0),
    ],
)
def test_a_problem_has_a_metric_and_the_metric_a_better_side(preset, name, better):
    metric = problems.resolve(preset).metric
    assert metric.name == name
    assert compare.BETTER[name](1.0, 2.0) == better
    assert metric.better(1.0, than=2.0) == (better == 1.0)


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path):
    paths = [tmp_path / "x/run", tmp_path / "y/run", tmp_path / "y/other"]
    assert compare.label_runs(paths) == [str(path) for path in paths]
    assert compare.label_runs(paths[1:]) == ["run", "other"]


def test_csv_and_json_hold_every_digit(tmp_path, monkeypatch, capsys):
    a = make_run(tmp_path / 'a, "1"', "--lr_decay", "0.8695652173913044", result={"extra": 7})
    b = make_run(tmp_path / "b", "--lr_decay", "0.25")
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert compare.main([str(a), str(b), "--csv", "a.csv", "--json", "a.json"]) == 0
    assert capsys.readouterr().out.endswith("curves: logs/compare.png\n")
    assert Path("logs/compare.png").read_bytes().startswith(b"\x89PNG\r\n")

    first, second = csv.DictReader(io.StringIO(Path("a.csv").read_text()))
    assert (first["run"], second["run"]) == ('a, "1"', "b")
    assert (first["state"], second["state"]) == ("finished", "unfinished")
    assert float(first["lr_decay"]) == 0.8695652173913044
    assert float(first["test perplexity"]) == 140.123456789
    assert (first["extra"], second["extra"]) == ("7", "")
    assert second["test perplexity"] == ""

    one, two = json.loads(Path("a.json").read_text())
    assert one["fields"] == {"lr_decay": 0.8695652173913044}
    assert (one["metric"], one["result"]["test"]) == ("perplexity", 140.123456789)
    assert (two["finished"], two["result"]["test"], two["result"]["epochs"]) == (False, None, 3)


def test_the_picture_shows_every_run_in_a_colour_of_its_own():
    from training.pictures.comparison import Curve, compare_curves

    names = ["first", r"_$\frac$", *map(str, range(10)), "sums"]
    scores = dict.fromkeys(names, PERPLEXITIES) | {"sums": ACCURACIES}
    curves = [
        Curve(
            name,
            "accuracy" if name == "sums" else "perplexity",
            [{"epoch": i, "train": t, "valid": v} for i, (t, v) in enumerate(pairs, 1)],
        )
        for name, pairs in scores.items()
    ]
    figure = compare_curves(curves)
    above, below = figure.axes
    assert (above.get_ylabel(), above.get_yscale()) == ("perplexity", "log")
    assert (below.get_ylabel(), below.get_yscale()) == ("accuracy", "linear")
    valid, train = below.lines
    assert (valid.get_linestyle(), train.get_linestyle()) == ("-", "--")
    assert [*train.get_ydata()] == [0.25, 0.75] and [*valid.get_ydata()] == [0.5, 0.875]
    colours = [tuple(line.get_color()) for line in [*above.lines, *below.lines]]
    assert colours[::2] == colours[1::2] and len(set(colours)) == len(names)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*names, "valid", "train"]
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", ["perplexity", "cost"])
def test_scores_that_axes_cannot_show_leave_gaps(metric):
    from training.pictures.comparison import Curve, compare_curves

    values = [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 2**62, -1.0, 0.0]
    for some in (values, values[:6], [-1.0], []):
        records = [{"epoch": 10**i, "train": v, "valid": v} for i, v in enumerate(some)]
        figure = compare_curves([Curve("x" * 300, metric, records)])
        assert len(figure.legends[0].get_texts()[0].get_text()) == 80, "as many as fit"
        figure.savefig(io.BytesIO(), format="png")


def test_names_and_values_cannot_steer_the_terminal(tmp_path, capsys):
    name = "[red]:smile:\x1b[31m\u202e\n"
    compare.show(read(make_run(tmp_path / name, "--data_path", "\u202e/[b]", result={})))
    compare.show(read(make_run(tmp_path / "a"), tmp_path / name))
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    assert r"[red]:smile:\x1b[31m\u202e\n" in out
    assert r"\u202e/[b]" in out
    (tmp_path / name / "result.json").write_text("{")
    with pytest.raises(UserError) as refused:
        read(tmp_path / name)
    assert str(refused.value).isprintable()


RECORD = {"epoch": 1, "train": 1.0, "valid": 1.0, "seconds": 1.0}
BAD_FILES = [
    ("config.json", "{}", "no problem nothing"),
    ("config.json", "\xff", "not UTF-8 text"),
    ("metrics.jsonl", "{}\n", "line 1: epoch must be a number, not nothing"),
    ("metrics.jsonl", "\n[1]\n", "line 2: not an object of values"),
    ("metrics.jsonl", "[" * 100_000, "line 1: nested too deeply"),
    ("metrics.jsonl", " " * (2**24 + 1), "more than 16,777,216 bytes"),
    ("result.json", '{"metric": "\\u001b[31m"}', r"metric must be a short name, not '\x1b[31m'"),
    ("result.json", '{"metric": ["cost"]}', "metric must be a short name, not a list"),
    ("result.json", '{"metric": "cost", "test": "1"}', "valid must be a number, not nothing"),
    ("result.json", '{"metric": "cost", "valid": true}', "valid must be a number, not true"),
    ("metrics.jsonl", json.dumps({**RECORD, "step": 2**63}), "step must be a number, not 922"),
    ("metrics.jsonl", json.dumps({**RECORD, "epoch": math.nan}), "epoch must be a number from 1"),
    ("result.json", "9" * 5000, "Exceeds the limit"),
]


@pytest.mark.parametrize("file, content, message", BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_is_refused_in_one_line_that_names_it(tmp_path, file, content, message):
    run = make_run(tmp_path / "run", result={})
    (run / file).write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError) as refused:
        read(run)
    assert str(refused.value).startswith(f"{run / file}")
    assert message in str(refused.value)
    assert str(refused.value).isprintable() and len(str(refused.value)) < len(str(run)) + 200


NUMBERS = st.integers() | st.floats() | st.sampled_from([2**62, -(2**64), 1e308, True])
VALUES = NUMBERS | st.none() | st.text(max_size=5) | st.lists(NUMBERS, max_size=2)
KEYS = st.sampled_from(["words_per_second", "x_per_second", "step", "\x1b_per_second", "[b]"])
RECORDS = st.fixed_dictionaries(
    {"epoch": st.integers(1, 10) | VALUES, "train": NUMBERS, "valid": NUMBERS, "seconds": NUMBERS}
)
LINES = st.builds(lambda a, b: json.dumps({**a, **b}), RECORDS, st.dictionaries(KEYS, VALUES))


@pytest.fixture(scope="module")
def victim(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("hostile") / "run")


@given(st.lists(LINES | LINES | st.text(max_size=20), max_size=3))
@example(['{"epoch": 1, "train": 1, "valid": NaN, "seconds": 0, "words_per_second": 1}'])
@examples(max_examples=60, deadline=None)
def test_any_lines_of_metrics_give_a_table_or_one_line_of_error(victim, lines):
    (victim / "metrics.jsonl").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        entries = read(victim)
    except UserError as error:
        assert str(error).isprintable()
    else:
        compare.make_table(entries)
        assert compare.to_csv(entries).replace("\n", "").isprintable()
        (row,) = json.loads(compare.to_json(entries))
        assert row["result"]["epochs"] == sum(map(bool, "\n".join(lines).split("\n")))


def test_neither_mistakes_nor_the_table_wait_for_tensorflow(tmp_path):
    run = make_run(tmp_path / "run", result={})
    program = (
        "import atexit, pathlib, sys, compare\n"
        "from training import command\n"
        "atexit.register(lambda: print('tensorflow' in sys.modules))\n"
        "compare.show([compare.read_run(pathlib.Path(sys.argv[1]), 'run')])\n"
        "command.run(lambda: compare.main(sys.argv[2:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, run, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1]) == (2, "False")
    assert done.stderr == f"-c: {tmp_path} is not a run: it has no config.json\n"


@pytest.mark.parametrize("arguments", [[], ["run", "--plot", "a.txt"], ["run", "--cvs", "a"]])
def test_wrong_arguments_end_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        compare.main(arguments)
    assert refused.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
