"""The README.md that lies beside an exported model."""

from __future__ import annotations

from training.export.network import Network

KINDS = {"rnn": "plain recurrent", "lstm": "LSTM", "lstm_peephole": "peephole LSTM", "gru": "GRU"}
STATE = {1: "its output", 2: "its cell state and its output"}

ABOUT = """\
# {name}

A recurrent language model: {layers} {kind} layer(s) of {units} units over {vocab_size:,} words.
`vocabulary.txt` has a word a line, in the order of their ids from 0. `{eos}` ends a line, and
`<unk>` stands for every word that is not in the list. `config.json` has the settings of the
training.

Everything is computed in float32, and log probabilities are natural ones. A state is one tensor,
float32 `{state}`: of each layer {parts}.
All zeros is the state before the first word of a stream.
"""

SAVED_MODEL = """
This folder is a SavedModel. A client, run here, needs TensorFlow alone:

```python
import tensorflow as tf

model = tf.saved_model.load(".")
words = open("vocabulary.txt", encoding="utf-8").read().split()
print(model.signatures["score"](texts=tf.constant(["a text", "and another"]))["log_prob"])
step = model.signatures["serving_default"]
state, word = tf.zeros({zeros}), words.index("{eos}")
for _ in range(10):  # the likeliest next words
    result = step(input_data=tf.constant([[word]]), initial_state=state)
    state, word = result["final_state"], int(tf.argmax(result["log_probs"][0, -1]))
    print(words[word])
```

| signature | inputs | outputs |
| --- | --- | --- |
| `serving_default` | `input_data` int32 `[batch_size, num_steps]`, `initial_state` | `log_probs` \
float32 `[batch_size, num_steps, {vocab_size}]` of the words after each, `final_state` |
| `score` | `texts` UTF-8 strings `[batch_size]` | `log_probs` float32 `[batch_size, num_steps]` \
of their words, 0 behind the last; `log_prob` `[batch_size]`, their sums; `num_words` int32 \
`[batch_size]` |
| `get_initial_state` | | `initial_state`, one row: after an `{eos}`, as a sentence begins |
| `single_step` | `context`, a state of one row; `word_id` int32 `[1, 1]` | `log_prob` of the word \
in that state; `rnn_states`, the state after the word; `rnn_out`, the same |

`score` reads words between white space, and an `{eos}` at the end of each line and of the text.
Each text is scored as if it came after an `{eos}` and nothing before.

## Kaldi

`lattice-lmrescore-tf-rnnlm` reads `get_initial_state` and `single_step`. It takes `rnn_out` for
the next context, which is why that is the state, and the id 0 for the end of a sentence, which
{eos_id}. It wants `<oos>` in its list of words:

    sed 's/^<unk>$/<oos>/' vocabulary.txt > wordlist.rnn.final
"""

ONNX = """
`model.onnx` has the inputs `input_data`, int32 `[batch_size, num_steps]`, and `initial_state`, and
the outputs `log_probs`, float32 `[batch_size, num_steps, {vocab_size}]` of the words after each,
and `final_state`. A client, run here:

```python
import numpy as np
import onnxruntime

model = onnxruntime.InferenceSession("model.onnx")
words = open("vocabulary.txt", encoding="utf-8").read().split()
state, word = np.zeros({zeros}, np.float32), words.index("{eos}")
for _ in range(10):  # the likeliest next words
    feed = {{"input_data": np.array([[word]], np.int32), "initial_state": state}}
    log_probs, state = model.run(["log_probs", "final_state"], feed)
    word = log_probs[0, -1].argmax()
    print(words[word])
```
"""


def readme(network: Network, name: str, is_onnx: bool) -> str:
    """What the model called `name` is, how a program calls it, and ten lines that do."""
    layers, parts, units = network.state_shape
    eos_id = "is so here" if network.eos == 0 else f"is {network.eos} here: export with --eos_first"
    return (ABOUT + (ONNX if is_onnx else SAVED_MODEL)).format(
        name=name,
        layers=layers,
        kind=KINDS[network.kind],
        units=units,
        vocab_size=len(network.vocabulary),
        eos=network.vocabulary[network.eos],
        eos_id=eos_id,
        state=f"[{layers}, {parts}, batch_size, {units}]",
        parts=STATE[parts],
        zeros=[layers, parts, 1, units],
    )
