"""What a stranger may give: values for a config's fields, things in a file's place."""

import os
import signal

import lives
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

import problems
from config import PRESETS
from training.fields import Setting, fields_of

HOSTILE = lives.count("HOSTILE", 12)
ROOM = 2**29  # bytes of memory that a network may take here
# What makes a run small, so that many are trained; the rest is as hostile as it comes.
SMALL = {
    "num_layers": 1, "hidden_size": 4, "batch_size": 2, "num_steps": 3, "window": 3, "bits": 2,
    "train_points": 40, "test_points": 20, "shuffle": 5, "steps_per_epoch": 2, "vocab_size": 30,
}  # fmt: skip
problems.list_presets()  # imports every problem
FIELDS = {name: fields_of(type(preset.config)) for name, preset in PRESETS.items()}

NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 5, 7, 31, 62, 100, 101, 1000, 10**4, 10**5, 10**6, 10**7, 10**9, 2**31, 2**63, -1]
) | st.sampled_from([0.5, 1.0, 1e-30, 1e-9, 0.999999, 1e9, 1e300, -0.5, 1e-300])
WORDS = st.sampled_from(
    ["true", "nan", "inf", "-inf", "", " ", "1_000", "0x10", "1e3", "None", "é", "\u202e", "\0",
     "a" * 999, "--", "../x", "/dev/zero", "[bold]", "\x1b[2J"]
)  # fmt: skip
VALUES = NUMBERS | WORDS | st.booleans() | st.text(max_size=5) | st.none()
THINGS = st.sampled_from(
    ["missing", "folder", "pipe", "dangling link", "link to zero", "link to a folder"]
)


def repeated(times):
    """How often hypothesis makes up an example: the same in every run, and not made smaller."""
    return settings(
        max_examples=times,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def mostly(usual, other):
    """One of two strategies: the first in four cases of five."""
    return st.integers(0, 4).flatmap(lambda number: usual if number else other)


def values(preset, name):
    """For a field of a preset: what it may be, its limits among that, and what comes to mind."""
    kind, limits = FIELDS[preset].get(name, (str, Setting()))
    if kind is bool:
        return mostly(st.booleans(), VALUES)
    if kind is str:
        return mostly(st.sampled_from(limits.choices) if limits.choices else WORDS, VALUES)
    edges = st.sampled_from([kind(limits.low), kind(limits.high)])
    inner = st.integers(1, 9) if kind is int else st.floats(limits.low, limits.high)
    return mostly(mostly(inner, edges), VALUES)


def changes(preset):
    """The preset, and up to three of its fields, or of others, with any values."""
    names = st.sampled_from([*FIELDS[preset], "epoch"])
    fields = names.flatmap(lambda name: st.tuples(st.just(name), values(preset, name)))
    return st.tuples(st.just(preset), st.lists(fields, max_size=3).map(dict))


CHANGED = st.sampled_from(sorted(PRESETS)).flatmap(changes)


def small(preset, corpus):
    """The preset made small, by the names of its fields."""
    fields = {name: SMALL[name] for name in FIELDS[preset] if name in SMALL}
    return fields | ({"data_path": str(corpus)} if "data_path" in FIELDS[preset] else {})


def put(path, content):
    """Makes a file of these bytes, or puts something else in its place."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    elif content == "dangling link":
        path.symlink_to("nowhere")
    elif content.startswith("link"):
        path.symlink_to("/dev/zero" if content == "link to zero" else "/dev")


def live(server, argv, steps=1):
    """A life that is stopped after so many steps, on a machine with little memory."""
    faults = [("signal_after_steps", steps, signal.SIGINT), ("little_memory", ROOM)]
    return server.live("train.py", argv, faults=faults)


def said_in_a_line(life):
    """Whether a life was refused; then it has said why in one line that can be shown."""
    if life.status != 2:
        return False
    said = lives.refusal(life)
    assert said.startswith("train.py: ")
    assert said[:-1].isprintable()
    assert len(said) < 500
    return True
