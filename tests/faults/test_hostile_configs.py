"""Any config, by flags or as a TOML file: one step is trained, or one line says why not.

HOSTILE, of the environment: how many configs are made up.
"""

import collections
import json
import shutil

import hostile
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.long

OPTIONS = {
    "checkpoint_minutes": hostile.mostly(st.floats(0, 100), hostile.VALUES),
    "checkpoint_steps": hostile.mostly(st.integers(0, 9), hostile.VALUES),
    "on_nan": hostile.mostly(st.sampled_from(["skip", "halve_lr"]), hostile.VALUES),
    "name": hostile.VALUES,
}
ONE_OPTION = st.sampled_from(list(OPTIONS)).flatmap(
    lambda name: st.fixed_dictionaries({name: OPTIONS[name]})
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the runs are made, one after the other."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def tally():
    counts = collections.Counter()
    yield counts
    print(f"\n{dict(counts)}")
    assert counts["trained"] and counts["refused"]


def as_toml(value):
    return repr(value) if isinstance(value, float) else json.dumps(value)


def check(life, logs):
    """What became of it: trained for a step and saved, or refused and not begun."""
    if hostile.said_in_a_line(life):
        assert not logs.exists()
        return "refused"
    assert life.err == "", life
    if life.status == 1:
        assert "stopped: step 1: " in life.out.splitlines()[-1]
        return "not finite"
    assert life.status == 130, life
    assert [path.name for path in logs.glob("*/checkpoints/*")] == ["step-0000000001"]
    return "trained"


@hostile.repeated(hostile.HOSTILE // 2)
@given(hostile.CHANGED, hostile.mostly(st.just({}), ONE_OPTION))
def test_any_flags_train_a_step_or_are_refused(server, place, corpus, tally, made, options):
    preset, changed = made
    logs = place / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    fields = {**hostile.small(preset, corpus), **changed, "logdir": logs, "name": "run", **options}
    words = [word for name, value in fields.items() for word in (f"--{name}", str(value))]
    words = [word.replace("\0", "") for word in words]  # no command line can hold one
    tally[check(hostile.live(server, ["--config", preset, *words]), logs)] += 1


@hostile.repeated(hostile.HOSTILE // 2)
@given(hostile.CHANGED, hostile.mostly(st.just(b""), st.binary(max_size=9)))
def test_any_toml_file_trains_a_step_or_is_refused(server, place, corpus, tally, made, junk):
    preset, changed = made
    logs, file = place / "logs", place / "my.toml"
    shutil.rmtree(logs, ignore_errors=True)
    fields = {"preset": preset, **hostile.small(preset, corpus), **changed}
    lines = "".join(f"{name} = {as_toml(value)}\n" for name, value in fields.items())
    file.write_bytes(lines.encode(errors="replace") + junk)
    tally[check(hostile.live(server, ["--config", str(file), "--logdir", str(logs)]), logs)] += 1
