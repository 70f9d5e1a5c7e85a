"""Output goes where the user said: into files, through links, to devices and pipes; or nowhere."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from test_compare import make_run

import bench
import compare
import evaluate
import gradient_flow
from training import files, options
from training.command import UserError
from training.files import is_stream, remove_leftovers, require_output, write_output
from training.run import Run

ROOT = Path(__file__).parents[2]
RUN = "logs/run"
OUTPUTS = [
    (evaluate.make_parser, [RUN], "--json"),
    (compare.make_parser, [RUN], "--json"),
    (compare.make_parser, [RUN], "--csv"),
    (compare.make_parser, [RUN], "--plot"),
    (gradient_flow.make_parser, [], "--json"),
    (gradient_flow.make_parser, [], "--out"),
    (bench.make_parser, [], "--json"),
]
NAMES = [f"{make.__module__} {flag}" for make, _, flag in OUTPUTS]
REFUSED = [
    "missing/a.png",
    "file/a.png",
    "folder.png",
    "dangling/a.png",
    "to_missing.png",
    "loop.png",
    "/proc/a.png",  # where nobody may write
    "s3://bucket/a.png",
    "hdfs://a.png",
    "a\udcff.png",
    f"{'a' * 300}.png",
    "/dev/fd/250",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    Path("folder.png").mkdir()
    Path("dangling").symlink_to("nowhere")
    Path("to_missing.png").symlink_to("missing/a.png")
    Path("loop.png").symlink_to("loop.png")
    return tmp_path


@pytest.mark.parametrize(("make", "words", "flag"), OUTPUTS, ids=NAMES)
def test_an_output_that_cannot_be_is_refused_before_the_work(make, words, flag, here, capsys):
    before = sorted(Path().iterdir())
    for name in REFUSED:
        with pytest.raises(SystemExit) as refused:
            make().parse_args([*words, flag, name])
        said = capsys.readouterr().err
        assert refused.value.code == 2 and said.count("\n") == 1, name
        assert f"argument {flag}: " in said and said[:-1].isprintable(), said
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(("make", "words", "flag"), OUTPUTS, ids=NAMES)
def test_an_output_may_be_new_or_old_a_link_a_device_or_a_pipe(make, words, flag, here):
    Path("old.png").write_text("old")
    Path("to_old.png").symlink_to("old.png")
    Path("to_new.png").symlink_to("new.png")
    os.mkfifo("pipe")
    before = sorted(Path().iterdir())
    for name in ("new.png", "old.png", "to_old.png", "to_new.png", "pipe", "/dev/null"):
        make().parse_args([*words, flag, name])
    assert sorted(Path().iterdir()) == before and Path("old.png").read_text() == "old"


@pytest.mark.parametrize("name", ["s3://bucket/logs", "gs://logs", "file:///tmp/logs", "a\udcff"])
def test_a_logdir_is_a_folder_of_this_machine(name, here, capsys):
    before = sorted(Path().iterdir())
    with pytest.raises(SystemExit) as refused:
        options.make_parser().parse_known_args(["--logdir", name])
    said = capsys.readouterr().err
    assert (refused.value.code, said.count("\n")) == (2, 1) and "--logdir" in said
    assert sorted(Path().iterdir()) == before


def test_a_regular_file_is_replaced_whole_and_a_link_is_followed(here, monkeypatch):
    Path("old").write_text("old")
    Path("to_old").symlink_to("old")
    Path("to_new").symlink_to("new")
    Path("folder.png/deep").symlink_to("../to_old")
    for name, target in (("old", "old"), ("to_old", "old"), ("folder.png/deep", "old")):
        number = Path(target).stat().st_ino
        write_output(Path(name), name.encode())
        assert Path(target).read_text() == name
        assert Path(target).stat().st_ino != number, "a new file, renamed"
    write_output(Path("to_new"), b"new")
    assert Path("new").read_bytes() == b"new"
    assert Path("to_old").is_symlink() and Path("to_new").is_symlink()

    def fail(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(files, "_sync", fail)
    with pytest.raises(OSError, match="old"):
        write_output(Path("to_old"), b"half")
    assert Path("old").read_text() == "folder.png/deep"


def test_a_device_and_a_pipe_are_written_to_and_stay_what_they_are(here):
    os.mkfifo("pipe")
    Path("to_pipe").symlink_to("pipe")
    Path("to_null").symlink_to(os.devnull)
    for name in ("pipe", "to_pipe"):
        heard = []
        reader = threading.Thread(
            target=lambda heard=heard: heard.append(Path("pipe").read_bytes())
        )
        reader.start()
        require_output(Path(name))
        write_output(Path(name), b"x" * 200_000)  # more than a pipe holds
        reader.join(60)
        assert heard == [b"x" * 200_000]
    for name in ("/dev/null", "to_null"):
        write_output(Path(name), b"nothing")
    assert Path("pipe").is_fifo() and Path("to_pipe").is_symlink() and Path("to_null").is_symlink()
    assert Path("/dev/null").is_char_device()
    assert is_stream(Path("pipe")) and not is_stream(Path("file"))
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            write_output(Path("/dev/full"), b"much")


WRITE = """
import sys
from pathlib import Path
from training.files import require_output, write_output
print("before", flush=False)
for name in sys.argv[1:]:
    require_output(Path(name))
    write_output(Path(name), name.encode() + b"\\n")
print("after")
"""


def test_a_descriptor_is_written_to_where_it_stands(here):
    """Into a file, too, whose other lines stay; and by a process substitution."""
    Path("link").symlink_to("/dev/stdout")
    names = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"]
    line = '"$0" -c "$1" "${@:2}" /dev/stderr >(cat > other) > out 2> err; wait $!; cat < other'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, WRITE, *names],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("out").read_text().splitlines() == ["before", *names, "after"]
    assert Path("err").read_text() == "/dev/stderr\n"
    assert done.stdout.startswith("/dev/fd/")


# ------------------------------------------------------------------------- whole commands


def test_compare_makes_the_folder_of_its_default_picture(here, capsys):
    run = make_run(here / "elsewhere" / "run", result={})
    assert compare.main([str(run)]) == 0
    assert Path("logs/compare.png").is_file()


def test_gradient_flow_makes_the_folder_of_its_default_picture(here, monkeypatch, capsys):
    flows = {"GRU": {"h": np.ones(3)}}
    monkeypatch.setattr(gradient_flow, "measure", lambda **sizes: flows)
    assert gradient_flow.main([]) == 0
    assert Path("logs/gradient_flow.png").is_file()


def test_compare_writes_to_pipes_and_through_links(here, capsys):
    run = make_run(here / "elsewhere" / "run", result={})
    for name in ("a.csv", "a.json", "a.png"):
        Path(name).symlink_to(f"real-{name}")
    outputs = ["--csv", "a.csv", "--json", "a.json", "--plot", "a.png"]
    assert compare.main([str(run), *outputs]) == 0
    assert json.loads(Path("real-a.json").read_text())[0]["run"] == "run"
    assert Path("real-a.csv").read_text().startswith("run,")
    assert Path("real-a.png").read_bytes().startswith(b"\x89PNG")
    assert compare.main([str(run), "--plot", "/dev/null", "--json", "/dev/null"]) == 0
    assert Path("/dev/null").is_char_device()


# ------------------------------------------------------------------- checkpoints on a disk


def test_checkpoints_may_be_a_link_to_another_disk(tmp_path):
    Run.new(tmp_path / "run", "{}", [])
    disk = tmp_path / "disk" / "of run"
    (disk / ".tmp-01234567-step").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints").symlink_to(disk)
    run = Run.open(tmp_path / "run")
    with run.lock():
        assert not list(disk.iterdir()), "what a killed process left is found there, too"
    remove_leftovers(run.checkpoints)
    (tmp_path / "run" / "own").mkdir()
    run.checkpoints.unlink()
    run.checkpoints.symlink_to("own")
    assert Run.open(run.path).checkpoints.is_dir()


@pytest.mark.parametrize(
    "target", ["other", "other/checkpoints", "other/checkpoints/step-1", "nowhere", "file", "loop"]
)
def test_checkpoints_that_lead_into_another_run_or_nowhere_are_refused(target, tmp_path):
    for name in ("run", "other"):
        Run.new(tmp_path / name, "{}", [])
    (tmp_path / "other" / "checkpoints" / "step-1").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / target)
    with pytest.raises(UserError, match="checkpoints is not a folder"):
        Run.open(tmp_path / "run")
