"""What listens does so on this machine only."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tensorboard import program

ROOT = Path(__file__).resolve().parents[2]
LISTENS = "0A"  # in /proc/net/tcp


def by_make():
    """The words of `make tensorboard`, without those that make the virtual environment."""
    printed = subprocess.run(
        ["make", "-n", "tensorboard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return shlex.split(next(line for line in printed.splitlines() if "--logdir" in line))


def by_readme():
    """The words of the command that the README and every training tell."""
    text = (ROOT / "README.md").read_text()
    return shlex.split(re.search(r"^ +(tensorboard --logdir.*)$", text, re.MULTILINE)[1])


def listening(port):
    """The addresses that somebody listens on at a port, in hexadecimal."""
    lines = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
    ]
    return {local.split(":")[0] for _, local, _, state, *_ in lines
            if state == LISTENS and int(local.split(":")[1], 16) == port}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="Linux tells who listens where")
@pytest.mark.parametrize("words", [by_make, by_readme])
def test_tensorboard_listens_on_the_loopback_interface_only(words, tmp_path):
    server = program.TensorBoard()
    _, *options = words()
    assert "--bind_all" not in options
    server.configure(["tensorboard", *options, "--logdir", str(tmp_path), "--port", "0",
                      "--load_fast", "false"])  # fmt: skip
    port = int(server.launch().rstrip("/").rpartition(":")[2])
    loopback = {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1
    assert listening(port)
    assert listening(port) <= loopback
