"""The whole way on the bundled sample, whose exact entropy is known: a short training.

Two floors are known for the test split: the lowest perplexity of any model that uses the whole
past, and of any that forgets it at every minibatch of 20 words.
"""

import json

import corpora
import pytest

from config import PTBConfig
from reader import SAMPLE

FLOORS = json.loads((SAMPLE / "entropy.json").read_text())["test"]
SHORT = {
    "hidden_size": 64, "num_layers": 1, "optimizer": "adam", "learning_rate": 0.01, "epochs": 3,
    "decay": "linear", "decay_after": 1,
}  # fmt: skip


@pytest.fixture(scope="module", params=[True, False], ids=["carried", "reset"])
def result(request, tmp_path_factory):
    config = PTBConfig(data_path=str(SAMPLE), carry_state=request.param, **SHORT)
    path = tmp_path_factory.mktemp("run")
    return request.param, corpora.make_training(path, config).run_to_the_end()


@pytest.mark.long
def test_memory_beyond_a_minibatch_pays_only_where_the_state_is_carried(result):
    carried, scores = result
    if carried:
        assert FLOORS["whole_past"] < scores["test"] < 0.97 * FLOORS["cut_past"]
    else:
        assert scores["test"] > FLOORS["cut_past"]
