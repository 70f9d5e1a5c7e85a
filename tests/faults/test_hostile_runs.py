"""A run's folder from a stranger: it is resumed, or one line says why not and nothing changes.

HOSTILE, of the environment: twice the number of folders that are made up.
"""

import collections
import functools
import json
import operator
import shutil

import corpora
import hostile
import lives
import numpy as np
import pytest
from checkpoint_network import renew_sums
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.long

# Two epochs of six steps, and where the run is stopped.
SMALL = {"hidden_size": 3, "num_layers": 1, "epochs": 2}
RUNS = {
    "test": SMALL | {"batch_size": 2, "num_steps": 10},
    "sin_cos": SMALL | {"batch_size": 2, "num_steps": 3, "steps_per_epoch": 6},
    "subtraction": SMALL | {"batch_size": 5, "bits": 3},
}
STOPPED_AT = 8
ABSENT = "absent"
JSON = st.recursive(
    hostile.VALUES | st.floats() | st.sampled_from([ABSENT, 10**30, -1.0, 1e-320]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)
ARRAYS = st.sampled_from(
    [np.nan, np.inf, 1, "a", np.zeros(0), np.ones((3, 3), "f4"), np.full((2, 3), np.nan, "f4"),
     np.full((2, 3), 1e38, "f4"), np.ones((2, 3), "f8"), np.ones((2, 3), "i4"), np.zeros(6, "V3")]
)  # fmt: skip
NAMES = st.sampled_from(["state_0", "state_1", "frame_0", "frame_1", "frame_\u0663", "frame_", "x"])


def spots(tree, path=()):
    """The path to everything in nested dictionaries and lists."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, (dict, list)):
            yield from spots(child, (*path, key))


def forge_progress(run, place, value):
    """One value in the newest checkpoint's progress is another, or missing."""
    newest = max(run.glob("checkpoints/*"))
    content = json.loads((newest / "progress.json").read_text())
    every = list(spots(content))
    *parents, last = every[place % len(every)]
    holder = functools.reduce(operator.getitem, parents, content)
    holder[last] = value
    if value == ABSENT:
        del holder[last]
    (newest / "progress.json").write_text(json.dumps(content))
    renew_sums(newest)


def forge_array(run, name, array):
    """An array of the newest checkpoint is another."""
    newest = max(run.glob("checkpoints/*"))
    with np.load(newest / "arrays.npz") as arrays:
        np.savez(newest / "arrays.npz", **{**arrays, name: array})
    renew_sums(newest)


def forge_config(run, changed, how):
    """The config is another: alone, or in the checkpoints too, or there are none."""
    config = json.loads((run / "config.json").read_text()) | changed
    (run / "config.json").write_text(json.dumps(config))
    if how == "no checkpoint":
        shutil.rmtree(run / "checkpoints")
    elif how == "the same in the checkpoints":
        for path in run.glob("checkpoints/*/progress.json"):
            content = json.loads(path.read_text())
            content["progress"]["made_with"]["config"] |= changed
            path.write_text(json.dumps(content))
            renew_sums(path.parent)


def replace_file(run, name, content):
    """Other bytes stand in a file, or something that is no file in its place."""
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    hostile.put(path, content)


def forgeries(preset):
    """A function and its arguments after the run's folder."""
    files = ["config.json", "metrics.jsonl", "vocabulary.txt", "checkpoints", "curves.png", ".lock"]
    how = st.sampled_from(["alone", "no checkpoint", "the same in the checkpoints"])
    return st.one_of(
        st.tuples(st.just(forge_progress), st.integers(0, 99), JSON),
        st.tuples(st.just(forge_array), NAMES, ARRAYS),
        st.tuples(st.just(forge_config), hostile.changes(preset).map(operator.itemgetter(1)), how),
        st.tuples(
            st.just(replace_file), st.sampled_from(files), hostile.THINGS | st.binary(max_size=40)
        ),
    ).map(lambda forgery: (preset, *forgery))


@pytest.fixture(scope="module")
def begun(server, tmp_path_factory):
    """Runs stopped in their second epoch."""
    logs = tmp_path_factory.mktemp("begun")
    corpus = corpora.write_corpus(logs / "corpus", sizes=(126, 40, 40))
    for preset, fields in RUNS.items():
        text = {"data_path": corpus} if preset == "test" else {}
        flags = lives.flags({"config": preset, **fields, **text, "logdir": logs, "name": preset})
        life = hostile.live(server, flags, steps=STOPPED_AT)
        assert life.status == 130, life
        lines = (logs / preset / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == 1, "it is in its second epoch"
    return logs


@pytest.fixture(scope="module")
def tally():
    counts = collections.Counter()
    yield counts
    print(f"\n{dict(counts)}")
    assert counts["finished"] and counts["refused"]


def files(run):
    """All that lies in a run's folder but the lock: the bytes of the files."""
    found = [path for path in run.rglob("*") if not path.name.startswith(".lock")]
    return {path: path.is_file() and path.read_bytes() for path in found}


def check(life, run, before):
    """What became of a run: finished, or stopped in time, or refused and left as it was."""
    if hostile.said_in_a_line(life):
        assert files(run) == before
        return "refused"
    assert life.err == "", life
    if life.status == 1:
        assert "stopped: step " in life.out.splitlines()[-1]
        return "not finite"
    assert life.status in (0, 130), life
    assert (run / "result.json").exists() == (life.status == 0)
    assert not lives.leftovers(run)
    assert not lives.damaged(run)
    return "stopped" if life.status else "finished"


@hostile.repeated(hostile.HOSTILE // 2)
@given(st.sampled_from(list(RUNS)).flatmap(forgeries))
def test_any_folder_is_resumed_or_refused_and_left_as_it_was(
    server, begun, tmp_path_factory, tally, forged
):
    preset, forge, *arguments = forged
    run = tmp_path_factory.getbasetemp() / "hostile" / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(begun / preset, run)
    forge(run, *arguments)
    before = files(run)
    tally[check(hostile.live(server, ["--resume", str(run)], steps=STOPPED_AT), run, before)] += 1
