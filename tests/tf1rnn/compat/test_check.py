"""`--check`: names are followed through a file without running it."""

import json

import pytest

from tf1rnn.compat import check

OLD = """\
import os
import numpy as np
import tensorflow as tf
import tensorflow.contrib.seq2seq as s2s
from tensorflow.contrib import rnn as cells
from tensorflow.python.ops.rnn_cell import BasicLSTMCell, Gone

rnn_cell = tf.nn.rnn_cell
raise SystemExit("never run")
a = rnn_cell.GRUCell(3).state_size
b = rnn_cell.GoneCell(3)
c = cells.MultiRNNCell
d = tf.contrib.estimator.thing
e = tf.concat(1, [a, b])
f = os.path.gone, np.gone, a.gone
g = tf.train.AdamOptimizer.gone
h = tf.image.gone
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "old.py").write_text(OLD)
    (tmp_path / "good.py").write_text("import tensorflow as tf\ntf.mul(1, tf.pack([2]))\n")
    (tmp_path / "other.py").write_text("import os\nos.gone\n")
    (tmp_path / "two.py").write_text("import tensorflow as tf\nprint 'Python 2'\n")
    return tmp_path


def test_names_that_are_not_served_are_found_with_their_lines(folder):
    found = check.check(folder / "sub" / "old.py")
    assert {name: found.uses[name] for name in found.unknown} == {
        "python.ops.rnn_cell.Gone": 6,
        "nn.rnn_cell.GoneCell": 11,
        "contrib.estimator.thing": 13,
        "image.gone": 17,
    }
    assert "early stopping" in found.unknown["contrib.estimator.thing"]
    assert {"nn.rnn_cell.GRUCell", "contrib.rnn.MultiRNNCell", "concat"} <= found.uses.keys()


def test_the_share_is_of_names_and_of_files_that_import_tensorflow(folder, capsys):
    report = folder / "report.json"
    assert check.main([folder], str(report)) == 1
    *lines, sum_up = capsys.readouterr().out.splitlines()
    names = len(check.check(folder / "sub" / "old.py").uses)
    share = f"{(names - 4 + 2) / (names + 2):.1%}"
    assert sum_up == f"1 of 3 files have all their names served; {share} of the names"
    assert sum("old.py:" in line for line in lines) == 4
    assert sum("two.py: line 2 is no Python 3" in line for line in lines) == 1
    rows = {row["file"].rpartition("/")[2]: row for row in json.loads(report.read_text())}
    assert set(rows) == {"good.py", "old.py", "two.py"}
    assert rows["good.py"]["names"] == 2 and not rows["good.py"]["unknown"]


def test_a_file_whose_names_are_all_served_is_status_0(folder, capsys):
    assert check.main([folder / "good.py"]) == 0
    assert capsys.readouterr().out == (
        "1 of 1 files have all their names served; 100.0% of the names\n"
    )


def test_nothing_is_switched_by_checking(folder):
    import tensorflow

    switches = lambda: (tensorflow.executing_eagerly(), type(tensorflow.TensorShape([1])[0]))  # noqa: E731
    before = switches()
    check.main([folder])
    assert switches() == before


def test_what_the_runner_gives_back_to_modules_counts_as_served(tmp_path):
    (tmp_path / "old.py").write_text(
        "from tensorflow.python.ops import control_flow_ops\n"
        "from tensorflow.python.tools import freeze_graph\n"
        "control_flow_ops.cond, freeze_graph.freeze_graph, control_flow_ops.gone\n"
    )
    found = check.check(tmp_path / "old.py")
    assert list(found.unknown) == ["python.ops.control_flow_ops.gone"]
