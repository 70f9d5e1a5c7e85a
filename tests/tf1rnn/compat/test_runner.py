"""`python -m tf1rnn`: programs run as they are, and what goes wrong is one line."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import processes
import pytest

from tf1rnn.compat import runner

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """\
import collections, inspect, sys, time
import numpy as np
import tensorflow as tf
from helper import width

assert isinstance([], collections.Iterable) and time.clock() > 0
assert inspect.getargspec(lambda a, b=1: a).args == ["a", "b"]
assert np.zeros([2], np.int).dtype == int and np.float is float and np.NaN != np.NaN

tf.app.flags.DEFINE_integer("units", 3, "units")

class Mine(tf.nn.rnn_cell.BasicLSTMCell):
    def call(self, inputs, state):
        return super().call(inputs, state)

def main(_):
    x = tf.ones([2, 4, width()])
    for name, cell in [
        ("fast", tf.nn.rnn_cell.BasicLSTMCell(tf.app.flags.FLAGS.units)),
        ("gates", tf.contrib.rnn.LSTMCell(3, use_peepholes=True)),
        ("mine", Mine(3)),
    ]:
        outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, scope=name)
    with tf.Session() as session:
        session.run(tf.initialize_all_variables())
        print(session.run(outputs).shape, sys.argv[1:], __name__, tf.app.flags.FLAGS.units)
    try:
        tf.contrib.nothing
    except AttributeError:
        pass

if __name__ == "__main__":
    tf.app.run()
"""


def run(folder, *arguments):
    """Runs the command in a folder; returns the finished process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return processes.run(["-m", "tf1rnn", *arguments], cwd=folder, env=environment)


def one_line(result):
    lines = [line for line in result.stderr.splitlines() if ".py:" in line or "tf1rnn" in line]
    assert "Traceback" not in result.stderr
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A program that was run with `--report FILE.json`: its output, and the report."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "sub").mkdir()
    (folder / "sub" / "old.py").write_text(PROGRAM)
    (folder / "sub" / "helper.py").write_text("def width():\n    return 5\n")
    result = run(folder, "--report", "r.json", "sub/old.py", "--units", "6")
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout, json.loads((folder / "r.json").read_text())


def test_a_program_has_its_arguments_its_folder_and_its_name(reported):
    assert reported[0].strip() == "(2, 4, 3) ['--units', '6'] __main__ 6"


def test_the_report_counts_names_and_says_where_they_stand_and_what_serves_them(reported):
    rows = {row["symbol"]: row for row in reported[1]["names"]}
    cell = rows["nn.rnn_cell.BasicLSTMCell"]
    assert cell["served_by"] == "tf1rnn.contrib.rnn.early" and cell["count"] == 2
    assert cell["file"].endswith("old.py") and cell["line"] == 12
    assert rows["app"]["count"] == 4 and rows["app"]["served_by"] == "tensorflow.compat.v1"
    assert rows["nn.dynamic_rnn"]["count"] == 3


def test_the_report_says_which_way_cells_went_and_why(reported):
    ways = {row["cell"]: (row["way"], row["why"]) for row in reported[1]["unrolled"]}
    assert ways["BasicLSTMCell"] == ("fast", "")
    assert ways["LSTMCell"] == ("plain", "its settings have no faster way")
    assert ways["Mine"] == ("plain", "a subclass has a step of its own")


def test_the_report_names_what_was_not_served(reported):
    (unknown,) = reported[1]["unknown"]
    assert "tf.contrib.nothing is not served" in unknown["text"] and unknown["line"] == 28


WRONG = {
    "an attribute": ("import tensorflow as tf\n\ntf.contrib.rnn.GRUCel(3)\n", 3, "GRUCell meant"),
    "an import from": ("from tensorflow.contrib.rnn import Nothing\n", 1, "contrib.rnn.Nothing"),
    "a module": ("import tensorflow.contrib.lite as lite\n", 1, "tf.lite"),
    "below TensorFlow's own": ("import tensorflow as tf\ntf.image.nothing\n", 2, "image.nothing"),
}
if not importlib.util.find_spec("tensorflow_probability"):
    mixture = "import tensorflow as tf\ntf.contrib.distributions.Mixture\n"
    WRONG["a missing package"] = (mixture, 2, "Mixture needs tensorflow-probability: pip install")


@pytest.mark.parametrize("case", WRONG)
def test_a_name_that_is_not_served_is_one_line_and_status_2(tmp_path, case):
    text, line, said = WRONG[case]
    (tmp_path / "old.py").write_text(text)
    result = run(tmp_path, "old.py")
    assert result.returncode == 2
    assert one_line(result).startswith(f"old.py:{line}: ") and said in one_line(result)


def test_what_numpy_has_no_more_is_said_with_what_to_do(tmp_path):
    text = "import numpy as np\nx = np.zeros(3)\nx[0] = np.ones([1, 1])\n"
    (tmp_path / "old.py").write_text(text)
    result = run(tmp_path, "old.py")
    if np.lib.NumpyVersion(np.__version__) < "2.4.0":
        assert result.returncode == 0
    else:
        assert result.returncode == 1 and "line 3" in result.stderr
        assert result.stderr.endswith("pip install 'numpy<2.4'\n")


def test_an_error_of_the_programs_own_is_shown_from_its_first_line(tmp_path):
    (tmp_path / "old.py").write_text("import tensorflow as tf\n\n{}['key']\n")
    result = run(tmp_path, "old.py")
    assert result.returncode == 1
    trace = result.stderr[result.stderr.index("Traceback") :]
    assert trace.count("File ") == 1 and 'old.py", line 3' in trace and "KeyError" in trace


def test_modules_and_exit_statuses(tmp_path):
    (tmp_path / "package").mkdir()
    text = "import sys, tensorflow as tf\nprint(tf.__version__, sys.argv[1:])\nsys.exit(7)\n"
    (tmp_path / "package" / "__main__.py").write_text(text)
    result = run(tmp_path, "--report", "-m", "package", "--check", "y")
    assert result.returncode == 7
    assert result.stdout.startswith("1.15.5 ['--check', 'y']\n")
    assert "served by" in result.stdout  # the report, for a program that ends early, too


@pytest.mark.parametrize("arguments", [[], ["nowhere.py"], ["--chek", "."]])
def test_a_wrong_call_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        runner.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("python -m tf1rnn: error: ")


def test_a_path_to_check_that_is_not_there_is_status_2(capsys, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")  # which the command would leave set
    assert runner.main(["--check", "nowhere"]) == 2
    assert capsys.readouterr().err == "there is no file or folder nowhere\n"


KERAS_2 = """
from keras.preprocessing import sequence
from keras.utils import np_utils
import tensorflow as tf
import keras.backend as K
import keras
from keras.layers import Dense
from keras.layers.recurrent import LSTM
from keras.engine.topology import Layer
from tensorflow.python.keras.preprocessing.sequence import pad_sequences

session = tf.Session()
K.set_session(session)
x = tf.placeholder(tf.float32, [None, 3, 2])
y = Dense(4)(LSTM(5)(x))
assert [v.name for v in tf.global_variables()][:2] == ["lstm/kernel:0", "lstm/recurrent_kernel:0"]
assert issubclass(Dense, Layer) and isinstance(keras.__version__, str)
session.run(tf.global_variables_initializer())
padded = sequence.pad_sequences([[1, 2], [3]], maxlen=3)
assert (padded == pad_sequences([[1, 2], [3]], maxlen=3)).all()
print(padded.tolist(), np_utils.to_categorical([1, 0]).tolist(), K.get_session() is session)
print(session.run(y, {x: [[[1.0, 2.0]] * 3]}).shape)
try:
    from keras.layers import Nothing
except ImportError as error:
    print(error)
"""


def test_keras_2_beside_tensorflow_1_is_tf_keras(tmp_path):
    (tmp_path / "old.py").write_text(KERAS_2)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "1"}
    result = processes.run(["-m", "tf1rnn", "old.py"], cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    lines = ["[[0, 1, 2], [0, 0, 3]] [[0.0, 1.0], [1.0, 0.0]] True", "(1, 4)"]
    assert result.stdout.splitlines()[:2] == lines
    assert "cannot import name 'Nothing' from 'keras.layers'" in result.stdout


EAGER = """
import numpy as np
import tensorflow as tf
import tensorflow.contrib.eager as tfe

tf.flags.DEFINE_string("log_dir", "here", "which a library of today has, too")
tf.flags.DEFINE_integer("steps", False, "of another kind")
tf.enable_eager_execution()
cell = tf.nn.rnn_cell.BasicLSTMCell(4)
x = tf.constant(np.random.RandomState(0).normal(size=[2, 5, 3]), tf.float32)

def loss():
    state = cell.zero_state(2, tf.float32)
    for step in range(5):
        output, state = cell(x[:, step], state)
    return tf.reduce_mean((output - 0.5) ** 2)

first = loss().numpy()
optimizer = tf.train.AdamOptimizer(0.05)
for _ in range(40):
    value, gradients = tfe.implicit_value_and_gradients(loss)()
    optimizer.apply_gradients(gradients)
outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
last = np.mean((outputs.numpy()[:, -1] - 0.5) ** 2)
assert value.numpy() < first / 2, (value, first)
assert abs(last - loss().numpy()) < 1e-6, (last, loss())
saver = tfe.Saver(cell.variables)
path, kernel = saver.save("saved"), cell.variables[0].numpy()
cell.variables[0].assign_add(tf.ones_like(cell.variables[0]))
saver.restore(path)
assert (cell.variables[0].numpy() == kernel).all()
assert [int(i) for i in tfe.Iterator(tf.data.Dataset.range(3))] == [0, 1, 2]
assert tfe.defun(lambda y: 2 * y)(tf.constant(3)).numpy() == 6
assert tfe.gradients_function(lambda y: y ** 2)(3.0)[0].numpy() == 6
assert tfe.in_eager_mode() and tfe.num_gpus() == 0
print(tf.flags.FLAGS.log_dir, len(cell.variables))
"""


def test_a_program_that_computes_at_once(tmp_path):
    (tmp_path / "old.py").write_text(EAGER)
    result = run(tmp_path, "old.py")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["here", "2"]
