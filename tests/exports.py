"""A tiny run and its exports: a SavedModel that is open in a session, and an ONNX model."""

import contextlib
import dataclasses
import io
from pathlib import Path

import corpora
import graphs
import numpy as np
import tensorflow.compat.v1 as tf

import export
import problems
import reader
from training.config_files import to_json
from training.graphs import build_evaluation
from training.progress import Progress, made_with
from training.run import Run

CELLS = {
    "lstm": {"forget_bias": 0.75, "num_layers": 2},
    "lstm_peephole": {"forget_bias": 0.5, "num_layers": 1, "tie_embedding": True},
    "gru": {"num_layers": 1, "tie_embedding": True, "use_bias": False},
    "rnn": {"num_layers": 1},
}


@dataclasses.dataclass
class Exported:
    """A run with its SavedModel, open in a session, and its ONNX model."""

    run: Run
    network: object
    folder: Path
    onnx: Path
    output: str

    def __post_init__(self):
        self.vocabulary = self.run.read_vocabulary()
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.session = graphs.open_session()
            meta_graph = tf.saved_model.load(self.session, ["serve"], str(self.folder))
            self.signatures = meta_graph.signature_def

    def __call__(self, name, inputs):
        """Runs a signature as a C++ program does: the tensors by the names that it tells."""
        signature = self.signatures[name]
        assert set(inputs) == set(signature.inputs)
        feed = {signature.inputs[key].name: value for key, value in inputs.items()}
        fetches = {key: tensor.name for key, tensor in signature.outputs.items()}
        return self.session.run(fetches, feed)

    def zeros(self, batch_size=1):
        shape = self.signatures["serving_default"].inputs["initial_state"].tensor_shape.dim
        return np.zeros([batch_size if n.size < 0 else n.size for n in shape], np.float32)

    def ids(self, text):
        return reader.to_ids(text.split(), self.vocabulary)

    def log_probs(self, words):
        """Of the words of a sentence, one step after the other, after an <eos> alone."""
        state, found = self.zeros(), []
        for word, target in zip(self.ids("<eos> " + words), self.ids(words), strict=False):
            inputs = {"input_data": [[word]], "initial_state": state}
            result = self("serving_default", inputs)
            state = result["final_state"]
            found.append(result["log_probs"][0, 0, target])
        return found

    def run_onnx(self, inputs):
        import onnxruntime

        session = onnxruntime.InferenceSession(self.onnx / "model.onnx")
        names = ["log_probs", "final_state"]
        return dict(zip(names, session.run(names, inputs), strict=True))


def make_run(path, corpus, **fields):
    """A run with a checkpoint of random weights."""
    config = corpora.tiny_config(corpus, hidden_size=6, **fields)
    problem = problems.PROBLEMS[config.problem]
    data = problem.read(config)
    config = problem.settle(config, data)
    run = Run.new(path, to_json(config), data.vocabulary)
    progress = {**dataclasses.asdict(Progress()), "made_with": made_with(config, data.vocabulary)}
    start = tf.random_uniform_initializer(-0.7, 0.7)
    with tf.Graph().as_default(), tf.variable_scope("", initializer=start):
        tf.set_random_seed(3)
        build_evaluation(problem, config)
        saver = tf.train.Saver(max_to_keep=None)
        with graphs.open_session() as session:
            session.run(tf.global_variables_initializer())
            run.open_checkpoints(print).save(session, saver, 1, progress, {})
    return run


def make_run_and_exports(cell, corpus, folder):
    run = make_run(folder / "run", corpus, cell=cell, **CELLS[cell])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        network = export.read_network(run, "best")
        for name in ("saved_model", "onnx"):
            export.write(network, run, folder / name, is_onnx=name == "onnx")
    return run, network, folder / "saved_model", folder / "onnx", printed.getvalue()
