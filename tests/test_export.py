"""export.py: what is written is whole, means what the run means, and needs nothing of ours."""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import corpora
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
import tiny
from exports import CELLS, Exported, make_run, make_run_and_exports

import evaluate
import export
import reader
from training.command import UserError
from training.config_files import to_json

STRANGER = """
import json, math, sys
for name in ("tf1rnn", "training", "model", "config", "reader", "evaluate", "export"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
folder, text = sys.argv[1:]
model = tf.saved_model.load(folder)
words = open(folder + "/vocabulary.txt", encoding="utf-8").read().split()
ids = {word: number for number, word in enumerate(words)}
text = open(text, encoding="utf-8").read().replace("\\n", " <eos> ").split()
text = np.array([[ids.get(word, ids["<unk>"]) for word in text]], np.int32)
step, state, total = model.signatures["serving_default"], tf.zeros([2, 2, 1, 6]), 0.0
for start in range(0, text.shape[1] - 1, 30):
    inputs, targets = text[:, start : start + 30], text[0, start + 1 : start + 31]
    inputs = inputs[:, : len(targets)]
    result = step(input_data=tf.constant(inputs), initial_state=state)
    state = result["final_state"]
    total += sum(float(result["log_probs"][0, i, target]) for i, target in enumerate(targets))
scored = model.signatures["score"](texts=tf.constant(["w1 w2 zebra", ""]))
print(json.dumps({
    "perplexity": math.exp(-total / (text.shape[1] - 1)),
    "log_prob": scored["log_prob"].numpy().tolist(),
}))
"""


SHORT_AND_LONG = [
    cell if cell == "lstm" else pytest.param(cell, marks=pytest.mark.long) for cell in CELLS
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpora.write_corpus(
        tmp_path_factory.mktemp("corpus"), sizes=(300, 60, 100), vocabulary=6
    )


@pytest.fixture(scope="module")
def exported(corpus, tmp_path_factory):
    """Makes, once, a trained run of a cell and both its exports."""
    made = {}

    def make(cell):
        if cell not in made:
            folder = tmp_path_factory.mktemp(cell)
            made[cell] = Exported(*make_run_and_exports(cell, corpus, folder))
        return made[cell]

    return make


def kaldi(model, words):
    """The words' log probabilities, as Kaldi's lattice-lmrescore-tf-rnnlm asks for them.

    It takes `rnn_out` for the context of the next word.
    """
    context = model("get_initial_state", {})["initial_state"]
    for word in words:
        got = model("single_step", {"context": context, "word_id": [[word]]})
        yield float(got["log_prob"])
        context = got["rnn_out"]


def perplexity(run_step, exported, words):
    """Of a stream of ids, walked in pieces with the state carried."""
    state, total = exported.zeros(), 0.0
    for start in range(0, len(words) - 1, 30):
        targets = words[start + 1 : start + 31]
        inputs = words[start : start + len(targets)]
        result = run_step({"input_data": inputs[None], "initial_state": state})
        state = result["final_state"]
        total += np.take_along_axis(result["log_probs"][0], targets[:, None], 1).sum()
    return math.exp(-total / (len(words) - 1))


@pytest.mark.parametrize("cell", SHORT_AND_LONG)
def test_both_formats_have_the_perplexity_of_evaluate(cell, exported, corpus):
    model = exported(cell)
    expected = evaluate.evaluate(model.run, "test", "best")["score"]
    words = reader.to_ids(reader.read_words(corpus / "ptb.test.txt"), model.vocabulary)
    found = perplexity(lambda inputs: model("serving_default", inputs), model, words)
    assert found == pytest.approx(expected, rel=1e-5)
    assert perplexity(model.run_onnx, model, words) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cell", SHORT_AND_LONG)
def test_onnx_goes_on_from_any_state_with_any_number_of_rows(cell, exported):
    model = exported(cell)
    generator = np.random.default_rng(1)
    state = generator.uniform(-1, 1, model.zeros(3).shape).astype(np.float32)
    words = generator.integers(len(model.vocabulary), size=[3, 4]).astype(np.int32)
    inputs = {"input_data": words, "initial_state": state}
    expected, found = model("serving_default", inputs), model.run_onnx(inputs)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5)
    assert re.search(r"at most \S+e-0[678] nats", model.output)


def test_a_stranger_without_tf1rnn_gets_the_same_scores(exported, corpus, tmp_path):
    model = exported("lstm")
    done = processes.run(["-c", STRANGER, model.folder, corpus / "ptb.test.txt"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = evaluate.evaluate(model.run, "test", "best")["score"]
    assert found["perplexity"] == pytest.approx(expected, rel=1e-4)
    sums = [sum(model.log_probs("w1 w2 zebra <eos>")), sum(model.log_probs("<eos>"))]
    assert found["log_prob"] == pytest.approx(sums, rel=1e-4)
    assert b"tf1rnn" not in (model.folder / "saved_model.pb").read_bytes()


def test_score_reads_a_text_as_a_corpus_is_read(exported):
    model = exported("gru")
    texts = {
        "w1 w2 w3": "w1 w2 w3 <eos>",
        "": "<eos>",
        "w1\n": "w1 <eos>",
        " w1\u3000w2\xa0w3\x0bw4\x1cw5\t": "w1 w2 w3 w4 w5 <eos>",
        "w1 w2\r\nw3\rw4\u2028w5\x85w6": "w1 w2 <eos> w3 <eos> w4 <eos> w5 <eos> w6 <eos>",
        "w1 <eos>\n<EOS>\n\nw2 <eos>": "w1 <eos> <eos> <eos> w2 <eos>",
        "<eos> w1": "<eos> w1 <eos>",
        "w1 zebra Ω": "w1 <unk> <unk> <eos>",
    }
    result = model("score", {"texts": [text.encode() for text in texts]})
    for row, words in enumerate(texts.values()):
        count = len(words.split())
        assert result["num_words"][row] == count, words
        found = result["log_probs"][row]
        np.testing.assert_allclose(found[:count], model.log_probs(words), rtol=1e-4)
        assert not found[count:].any()
        assert result["log_prob"][row] == pytest.approx(found.sum(), rel=1e-5)


@pytest.mark.parametrize("cell", SHORT_AND_LONG)
def test_kaldi_gets_the_log_probabilities_of_a_sentence(cell, exported):
    model = exported(cell)
    sentence = "w1 w5 zebra w2 <eos>"
    found = list(kaldi(model, model.ids(sentence)))
    np.testing.assert_allclose(found, model.log_probs(sentence), rtol=1e-4)
    signature = model.signatures["single_step"]
    assert set(signature.outputs) == {"log_prob", "rnn_out", "rnn_states"}
    word_id = signature.inputs["word_id"]
    assert (word_id.dtype, [n.size for n in word_id.tensor_shape.dim]) == (tf.int32, [1, 1])


def test_eos_first_gives_other_ids_to_the_same_model(exported, tmp_path):
    model = exported("lstm")
    network = model.network.with_eos_first()
    export.write(network, model.run, tmp_path / "new", is_onnx=False)
    words = (tmp_path / "new/vocabulary.txt").read_text().split()
    others = [word for word in model.vocabulary if word != "<eos>"]
    assert words == ["<eos>", *others] != model.vocabulary
    renumbered = Exported(model.run, network, tmp_path / "new", model.onnx, "")
    sentence = "w1 w5 zebra w2 <eos>"
    found = list(kaldi(renumbered, reader.to_ids(sentence.split(), words)))
    np.testing.assert_allclose(found, model.log_probs(sentence), rtol=1e-4)
    text = {"texts": [b"w1 w5 zebra w2"]}
    log_probs = renumbered("score", text)["log_probs"]
    np.testing.assert_allclose(log_probs, model("score", text)["log_probs"], rtol=1e-4)


def test_eos_first_in_onnx_where_the_embedding_is_tied(exported, tmp_path):
    model = exported("gru")
    arguments = [str(model.run.path), str(tmp_path / "new"), "--eos_first", "--format", "onnx"]
    assert export.main(arguments) == 0
    words = (tmp_path / "new/vocabulary.txt").read_text().split()
    new = {"input_data": [[words.index("w2")]], "initial_state": model.zeros()}
    old = {"input_data": [model.ids("w2")], "initial_state": model.zeros()}
    expected = model.run_onnx(old)["log_probs"][..., model.ids(" ".join(words))]
    found = dataclasses.replace(model, onnx=tmp_path / "new").run_onnx(new)["log_probs"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_what_lies_beside_the_models(exported):
    model = exported("lstm")
    for folder in (model.folder, model.onnx):
        assert (folder / "config.json").read_bytes() == model.run.config.read_bytes()
        assert (folder / "vocabulary.txt").read_bytes() == model.run.vocabulary.read_bytes()
    assert {path.name for path in model.folder.iterdir()} == {
        "saved_model.pb", "variables", "config.json", "vocabulary.txt", "README.md"
    }  # fmt: skip
    names = {"model.onnx", "config.json", "vocabulary.txt", "README.md"}
    assert {path.name for path in model.onnx.iterdir()} == names
    readme = (model.folder / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in model.signatures)


@pytest.mark.parametrize("format", ["saved_model", "onnx"])
def test_the_client_of_the_readme_runs_and_has_ten_lines(format, exported, monkeypatch, capsys):
    import tensorflow

    model = exported("lstm")
    folder = {"saved_model": model.folder, "onnx": model.onnx}[format]
    monkeypatch.chdir(folder)
    code = re.search("```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line]) == 10
    assert tensorflow.executing_eagerly()
    exec(code, {})
    words = capsys.readouterr().out.split()[-10:]
    greedy, state = ["<eos>"], model.zeros()
    for _ in range(10):
        inputs = {"input_data": [model.ids(greedy[-1])], "initial_state": state}
        result = model("serving_default", inputs)
        state = result["final_state"]
        greedy.append(model.vocabulary[result["log_probs"][0, 0].argmax()])
    assert words == greedy[1:]


def test_a_run_in_bfloat16_is_exported_in_float32_and_says_so(corpus, tmp_path, capsys):
    from training.export import saved_model

    run = make_run(tmp_path / "run", corpus, precision="bfloat16")
    network = export.read_network(run, "best")
    assert "computes in bfloat16, what is exported in float32" in capsys.readouterr().out
    with saved_model.open_graph(network, ["serving_default"]) as (session, _):
        operations = session.graph.get_operations()
    dtypes = {tensor.dtype for op in operations for tensor in op.outputs}
    assert tf.float32 in dtypes and tf.bfloat16 not in dtypes


@pytest.mark.parametrize("format", ["saved_model", "onnx"])
def test_where_writing_fails_nothing_stays(format, exported, tmp_path, monkeypatch):
    from training.export import readme

    model = exported("lstm")

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "new/README.md"))

    monkeypatch.setattr(readme, "readme", full_disk)
    with pytest.raises(OSError, match="No space"):
        export.write(model.network, model.run, tmp_path / "new", format == "onnx")
    assert not list(tmp_path.iterdir())


def test_what_tensorflow_cannot_write_is_one_line(exported, tmp_path, monkeypatch):
    model = exported("lstm")

    def full_disk(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "variables: No space\nNode: x")

    monkeypatch.setattr(tf.train.Saver, "save", full_disk)
    with pytest.raises(UserError, match=r"^cannot write the SavedModel: variables: No space$"):
        export.write(model.network, model.run, tmp_path / "new", is_onnx=False)
    assert not list(tmp_path.iterdir())


def test_a_model_that_onnxruntime_computes_otherwise_is_not_written(
    exported, tmp_path, monkeypatch
):
    from training.export import onnx_model

    model = exported("lstm")

    def wrong(layer, units, forget_bias):
        return "LSTM", onnx_model._gates([layer["kernel"]], [None], units, [0, 1, 2, 3])

    monkeypatch.setitem(onnx_model.OPERATORS, "lstm", wrong)
    with pytest.raises(UserError, match="onnxruntime differs from TensorFlow by"):
        export.write(model.network, model.run, tmp_path / "new", is_onnx=True)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_refused_and_stays(exported, tmp_path):
    run = str(exported("lstm").run.path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("empty", "file", "link"):
        with pytest.raises(UserError, match="exists: choose another FOLDER"):
            export.main([run, str(tmp_path / name)])
    assert not list((tmp_path / "empty").iterdir())
    assert (tmp_path / "file").read_text() == "mine"


def test_only_a_language_model_is_exported(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text(to_json(tiny.tiny("sin_cos")))
    with pytest.raises(UserError, match="is of sin_cos; a language model can be exported"):
        export.main([str(tmp_path / "run"), str(tmp_path / "new")])
    with pytest.raises(UserError, match="is not a run"):
        export.main([str(tmp_path), str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()


def test_without_the_packages_of_onnx_one_line_says_what_to_install(tmp_path, monkeypatch):
    for name in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(UserError, match=r"pip install onnx onnxruntime$") as refused:
                export.main([str(tmp_path), str(tmp_path / "new"), "--format", "onnx"])
            assert f"needs {name}," in str(refused.value)


def test_mistakes_end_with_status_2_and_without_tensorflow(tmp_path):
    program = (
        "import atexit, sys, export\n"
        "from training import command\n"
        "atexit.register(lambda: print('tensorflow' in sys.modules))\n"
        "command.run(lambda: export.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(export.__file__).parent)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert done.stderr == f"-c: {tmp_path} exists: choose another FOLDER\n"
    for arguments in ([], ["run"], ["run", "new", "--format", "x"], ["run", "gs://bucket/x"]):
        with pytest.raises(SystemExit) as refused:
            export.main(arguments)
        assert refused.value.code == 2
