"""The command: its figures are what they say, and a side that cannot run is left out and named."""

import json
import sys

import pytest

import bench
from bench import Measured
from benchmarks import machine, measure, task
from benchmarks.measure import SideError, Worker

# Stands in for a Python that has PyTorch: `-m benchmarks.worker KIND NAME SIZE TASK`.
FAKE = f"""#!{sys.executable}
import json, os, sys, time

name = sys.argv[4]
if name == "torch_bf16":
    print(json.dumps({{"error": "could not create a primitive descriptor"}}))
elif name == "torch_bf16_compiled":
    sys.exit("loading\\nterminate called")
else:
    time.sleep(20 if name == "keras" else 0)
    print(json.dumps({{"versions": {{"torch": "1.2.3"}}}}), flush=True)
    for number, steps in enumerate(map(int, sys.stdin)):
        if name == "torch_compiled" and number == 2:
            os._exit(3)
        answer = {{"seconds": [0.5] * steps, "cpu": 0.25 * steps, "memory": 2048}}
        print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    file = tmp_path_factory.mktemp("fake") / "python"
    file.write_text(FAKE)
    file.chmod(0o755)
    return file


def start(fake, name):
    return Worker(fake, "alternative", name, "small", "training")


@pytest.mark.long
def test_a_short_run_shows_and_writes_all_sides_but_those_that_fail(
    fake, tmp_path, capfd, monkeypatch
):
    monkeypatch.setattr(measure, "ROUND", 0.01)
    file = tmp_path / "bench.json"
    torch = [name for name in bench.ALTERNATIVES if name.startswith("torch")]
    argv = ["--seconds", "0", "--precision", "float32", "--torch_python", str(fake)]
    assert bench.main([*argv, "--json", str(file), "--against", *torch]) == 0
    shown = capfd.readouterr().out.splitlines()
    check_file(json.loads(file.read_text()))
    (row,) = (line.split() for line in shown if line.startswith("torch "))
    assert row[1] == "800"  # 400 words in half a second
    assert row[-3] == "250.0" and row[-1] == "2"
    for line in (
        "torch_compiled: left out: its process ended with status 3",
        "torch_bf16: left out: could not create a primitive descriptor",
        "torch_bf16_compiled: left out: terminate called",
    ):
        assert line in shown


def check_file(found):
    assert {"date", "machine", "sizes"} == found.keys()
    small = found["sizes"]["small"]
    assert small["left_out"].keys() == {"torch_compiled", "torch_bf16", "torch_bf16_compiled"}
    by_name = {(side["kind"], side["name"]): side for side in small["sides"]}
    assert by_name.keys() == {("ours", "float32"), ("alternative", "torch"), ("limit", "float32")}
    assert by_name["alternative", "torch"]["versions"] == {"torch": "1.2.3"}
    assert by_name["ours", "float32"]["versions"].keys() == {"python", "numpy", "tensorflow"}
    for side in by_name.values():
        assert len(side["rates"]) == measure.FEWEST_ROUNDS
        assert min(side["startup"], side["memory"], *side["rates"], *side["cpu"]) > 0


def test_a_side_of_ours_that_fails_is_an_error(fake):
    with pytest.raises(bench.command.UserError, match="torch_bf16 has failed: could not create"):
        measure.measure([("ours", "torch_bf16")], lambda _, name: start(fake, name), 1)


def test_a_worker_tells_what_it_cannot_do():
    with pytest.raises(SideError, match="nothing"):
        Worker(sys.executable, "ours", "nothing", "small", "training")


def test_a_side_that_stands_still_is_not_waited_for(fake, monkeypatch):
    monkeypatch.setattr(measure, "PATIENCE", 0.5)
    with pytest.raises(SideError, match="no answer"):
        start(fake, "keras")


def test_without_pytorch_it_is_said_how_to_get_it(tmp_path):
    with pytest.raises(SideError, match="make bench"):
        bench.python_of("alternative", "torch", tmp_path / "none")
    assert bench.python_of("alternative", "tf1", tmp_path / "none").samefile(sys.executable)


def test_ratios_are_of_the_same_round_and_shares_of_the_measured_limit():
    fast = Measured("ours", "float32", rates=[2.0, 4.0, 6.0])
    slow = Measured("alternative", "tf1", rates=[1.0, 1.0, 2.0])
    assert bench.ratio(fast, slow) == 3.0
    limit = Measured("limit", "float32", rates=[10.0])
    assert bench.limit(limit) == 10 * 17_179_869_184
    work = task.flops_per_word(task.SIZES["small"])
    share = bench.share(1e5 * work, fast, [fast, slow, limit])
    assert share == pytest.approx(1e5 * work / bench.limit(limit))


def test_the_machine_is_what_the_system_says(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CPU", tmp_path / "cpuinfo")
    assert machine.describe()["flags"] == {}
    one = "model name\t: Fast One 9000\nflags\t\t: fpu avx2 fma avx512fp16 amx_bf16\n\n"
    machine.CPU.write_text(one + one.replace("9000", "9001"))
    found = machine.describe()
    assert found["processor"] == "Fast One 9000"
    assert {name for name, has in found["flags"].items() if has} == {"avx2", "fma", "amx_bf16"}
    assert found["flags"].keys() >= {"avx512f", "avx512_bf16"}


def test_a_profile_of_the_evaluation_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        bench.main(["--profile", "--evaluation"])
    assert end.value.code == 2
    assert "--evaluation" in capsys.readouterr().err
