"""Nothing that was asked for is ignored: options and flags, and what a relative path is from."""

import json
import os
import sys
from importlib import metadata
from pathlib import Path

import pytest

import bench
import compare
import evaluate
import export
import generate
import gradient_flow
import problems
import score
import train
from training.command import UserError
from training.run import Run

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    one.__name__: one
    for one in (train, evaluate, score, generate, export, compare, gradient_flow, bench)
}


@pytest.fixture
def logs(tmp_path):
    """Runs of the language model by their names, each made later than the one before."""
    names = [
        "test-20261120-090000",
        "test-20261121-090000",
        "test-20261121-090000-2",
        "test-2layers",
        "test-2",
        "test-20261122",
        "test-20261122-090000-wide",
        "mytest",
        "test-20261123-090000x",
    ]
    for when, name in enumerate(names):
        Run.new(tmp_path / name, '{"problem": "ptb"}', ["<unk>"])
        os.utime(tmp_path / name / "config.json", (when, when))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test", "test-20261121-090000-2"),
        ("test-2layers", "test-2layers"),
        ("test-2", "test-2"),
        ("mytest", "mytest"),
    ],
)
def test_auto_takes_the_name_itself_or_the_name_with_a_date(logs, name, found):
    assert Run.newest(logs, name).path.name == found


def said(argv, capsys):
    """What train.py says of a command line that it refuses: one line."""
    with pytest.raises((UserError, SystemExit)) as refused:
        train.main(argv)
    line = capsys.readouterr().err if refused.type is SystemExit else str(refused.value)
    assert len(line.strip().splitlines()) == 1
    return line


@pytest.mark.parametrize("option", ["--config=large", "--name=other", "--logdir=elsewhere"])
def test_a_run_that_is_named_takes_no_option_that_names_another(logs, capsys, option):
    name = option[2:].partition("=")[0]
    expected = f"--resume {logs / 'mytest'} says which run: --{name} cannot be given"
    assert said(["--resume", str(logs / "mytest"), option], capsys) == expected


def test_auto_takes_config_name_and_logdir_and_refuses_a_run_of_another_problem(logs, capsys):
    argv = ["--resume=auto", f"--logdir={logs}", "--name=mytest", "--config=sin_cos"]
    whole = json.dumps({"problem": "ptb", **vars(problems.resolve("test"))})
    (logs / "mytest" / "config.json").write_text(whole)
    assert "mytest is of problem ptb, not sin_cos" in said(argv, capsys)
    assert "no run called sin_cos" in said([*argv[:2], "--config=sin_cos"], capsys)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--cuda"], "no field 'cuda' in problem ptb"),
        (["--verbose"], "no field 'verbose' in problem ptb"),
        (["--verbose", "--seed", "3"], "no field 'verbose' in problem ptb"),
        (["--tied"], "no field 'tied' in problem ptb; did you mean tie_embedding?"),
        (["--no-use_bias"], "no field 'no-use_bias' in problem ptb; did you mean use_bias?"),
        (["--resum", "x"], "no field 'resum' in problem ptb; did you mean resume?"),
        (["--log_dir=x"], "no field 'log_dir' in problem ptb; did you mean logdir?"),
        (["--use_bias"], "--use_bias needs a value"),
        (["--seed=1", "--seed=2"], "--seed is given twice"),
        (["--name=a", "--name=b"], "--name is given twice"),
        (["--resume="], "is not a run: it has no config.json"),
        (["--config="], "no preset ''"),
    ],
)
def test_what_is_no_field_or_has_no_value_is_named(capsys, flags, line):
    assert line in said(flags, capsys)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_its_version(capsys, name):
    with pytest.raises(SystemExit) as ended:
        COMMANDS[name].make_parser().parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{name}.py: tf1rnn {metadata.version('tf1rnn')}\n"


def test_an_option_of_any_command_is_given_once(capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["run", "--split", "test", "--split", "valid"])
    assert capsys.readouterr().err == "evaluate.py: --split is given twice\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [(text, True) for text in ("true", "True", "TRUE", "yes", "Yes", "on", "ON", "1")]
    + [(text, False) for text in ("false", "False", "no", "NO", "off", "Off", "0")],
)
def test_truth_has_many_names_on_the_command_line(text, value):
    assert problems.resolve("test", ["--carry_state", text]).carry_state is value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("corpus", "{folder}/corpus"),
        ("../x", "{folder}/../x"),
        ("/data/corpus", "/data/corpus"),
        ("", ""),
    ],
)
def test_a_relative_path_in_a_file_is_from_the_files_folder(tmp_path, monkeypatch, path, expected):
    folder = tmp_path / "experiments"
    folder.mkdir()
    file = folder / "mine.toml"
    file.write_text(f'preset = "test"\ndata_path = "{path}"\n')
    monkeypatch.chdir(tmp_path)
    expected = expected.format(folder="experiments")
    assert problems.resolve("experiments/mine.toml").data_path == expected
    given = problems.resolve(str(file), ["--data_path", "here"])
    assert given.data_path == "here", "a flag is from where the command is given"


def test_the_help_says_what_a_path_is_relative_to(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert train.main(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "in a .toml file from where that lies" in said
