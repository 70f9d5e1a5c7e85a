"""The presets' numbers, the order of their sources, and that nothing bad gets through."""

import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from config import PRESETS, Config, Preset, PTBConfig
from problems import from_json, list_presets, load, resolve
from problems.digits import DigitsConfig
from problems.sin_cos import SinCosConfig
from problems.sine import SineConfig
from training import fields as declared
from training.config_files import to_json
from training.fields import ConfigError, setting

ROOT = Path(__file__).parent.parent

# Zaremba et al. 2014, and the sizes of the tutorial that goes with it.
PTB_TABLE = """
                small   medium  large   test
init_scale      0.1     0.05    0.04    0.1
learning_rate   1.0     1.0     1.0     1.0
max_grad_norm   5       5       10      1
num_layers      2       2       2       1
num_steps       20      35      35      2
hidden_size     200     650     1500    2
decay_after     4       6       14      1
epochs          13      39      55      1
keep_prob       1.0     0.5     0.35    1.0
lr_decay        0.5     0.8     0.8695652173913044      0.5
batch_size      20      20      20      20
vocab_size      10000   10000   10000   10000
forget_bias     0.0     0.0     0.0     0.0
"""

OTHERS = {
    "sin_cos": {
        "num_steps": 20, "batch_size": 50, "num_layers": 1, "hidden_size": 10, "forget_bias": 1.0,
        "optimizer": "adam", "learning_rate": 0.006, "carry_state": True,
    },
    "sine": {
        "num_layers": 2, "hidden_size": 30, "window": 10, "sample_gap": 0.01, "shuffle": 1000,
        "train_points": 10_000, "test_points": 1000, "batch_size": 32, "optimizer": "adagrad",
        "learning_rate": 0.1, "layout": "steps",
    },
    "subtraction": {
        "bits": 4, "num_layers": 1, "optimizer": "sgd", "learning_rate": 0.1, "epochs": 100,
        "stop_at": 1.0,
    },
    "digits": {"variant": "last", "hidden_size": 128, "num_layers": 1},
}  # fmt: skip


@pytest.mark.parametrize("column, preset", list(enumerate(["small", "medium", "large", "test"])))
def test_ptb_presets_have_the_published_numbers(column: int, preset: str) -> None:
    made = resolve(preset)
    for row in PTB_TABLE.strip().splitlines()[1:]:
        name, *numbers = row.split()
        assert getattr(made, name) == float(numbers[column]), name
    assert (made.problem, made.cell, made.optimizer) == ("ptb", "lstm", "sgd")
    assert made.initializer == "uniform"


@pytest.mark.parametrize("preset", OTHERS)
def test_other_presets_have_their_numbers(preset: str) -> None:
    made = resolve(preset)
    assert {name: getattr(made, name) for name in OTHERS[preset]} == OTHERS[preset]


@pytest.mark.parametrize("preset, steps", [("sin_cos", 200), ("sine", 10_000)])
def test_endless_series_train_for_the_right_number_of_steps(preset: str, steps: int) -> None:
    made = resolve(preset)
    assert isinstance(made, (SinCosConfig, SineConfig))
    assert made.epochs * made.steps_per_epoch == steps


@pytest.mark.parametrize(
    "flags, sizes",
    [
        ([], [128]),
        (["--num_layers=2"], [128, 128]),
        (["--variant=pooled"], [32, 8]),
        (["--variant=pooled", "--num_layers=2", "--hidden_size=64"], [16, 16, 4]),
        (["--variant=pooled", "--hidden_size=1"], [1, 1]),
    ],
)
def test_digits_layers_follow_the_variant(flags: list[str], sizes: list[int]) -> None:
    assert resolve("digits", flags).layer_sizes == sizes


@pytest.mark.parametrize(
    "preset, rates",
    [
        ("small", {0: 1.0, 3: 1.0, 4: 0.5, 5: 0.25, 12: 1 / 512}),
        ("medium", {5: 1.0, 6: 0.8, 38: 0.8**33}),
        ("large", {13: 1.0, 14: 1 / 1.15, 54: 1.15**-41}),
    ],
)
def test_learning_rate_halts_then_falls_every_epoch(preset: str, rates: dict[int, float]) -> None:
    made = resolve(preset)
    assert {epoch: made.learning_rate_at(epoch) for epoch in rates} == pytest.approx(rates)


def test_linear_decay_halts_then_falls_straight_to_nothing() -> None:
    made = PTBConfig(learning_rate=2.0, epochs=5, decay_after=1, decay="linear")
    rates = {0: 2.0, 0.5: 2.0, 1: 2.0, 2: 1.5, 3.5: 0.75, 4.75: 0.125, 5: 0.0}
    assert {epochs: made.learning_rate_at(epochs) for epochs in rates} == pytest.approx(rates)


@pytest.mark.parametrize("decay_after", [3, 4])
def test_linear_decay_after_the_last_epoch_is_none(decay_after: int) -> None:
    made = PTBConfig(epochs=3, decay_after=decay_after, decay="linear")
    assert {made.learning_rate_at(epochs) for epochs in (0, 1.5, 2.999)} == {1.0}


def test_every_field_has_a_help_line() -> None:
    for preset in PRESETS.values():
        assert all(limits.help for _, limits in declared.fields_of(type(preset.config)).values())


def test_stateless_problems_offer_no_state_to_carry() -> None:
    for name in ("sine", "subtraction", "digits"):
        with pytest.raises(ConfigError, match="no field 'carry_state'"):
            resolve(name, ["--carry_state", "true"])


def write(folder: Path, text: str | bytes, name: str = "my.toml") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_flag_beats_file_beats_preset_beats_default(tmp_path: Path) -> None:
    file = write(tmp_path, 'preset = "medium"\nkeep_prob = 0.7\nepochs = 3\n')
    made = resolve(file, ["--epochs", "2"])
    assert made.epochs == 2  # flag; file says 3, preset 39
    assert made.keep_prob == 0.7  # file; preset says 0.5
    assert made.hidden_size == 650  # preset; default is 200
    assert made.num_layers == 2  # default


def test_flags_take_values_in_both_forms_negative_ones_too() -> None:
    made = resolve(
        "small", ["--forget_bias", "-1.5e-1", "--seed=7", "--data_path=a=b", "--cell=gru"]
    )
    assert isinstance(made, PTBConfig)
    assert (made.forget_bias, made.seed, made.data_path, made.cell) == (-0.15, 7, "a=b", "gru")


@pytest.mark.parametrize(
    "text, value", [("true", True), ("1", True), ("false", False), ("0", False)]
)
def test_flags_of_bools(text: str, value: bool) -> None:
    assert resolve("small", ["--use_bias", text]).use_bias is value


def test_whole_numbers_for_a_float_field_become_floats(tmp_path: Path) -> None:
    made = [
        resolve("small", ["--learning_rate", "2"]),
        resolve(write(tmp_path, 'preset = "small"\nlearning_rate = 2')),
        PTBConfig(learning_rate=2),
    ]
    assert [type(each.learning_rate) for each in made] == [float] * 3
    assert made[0] == made[1] == made[2]


def test_toml_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert resolve(write(tmp_path, b'\xef\xbb\xbfpreset = "test"\r\n')) == resolve("test")


BAD_FLAGS = [
    (["--keep_prop", "1"], "no field 'keep_prop' in problem ptb; did you mean keep_prob?"),
    (["--bits", "4"], "no field 'bits' in problem ptb"),
    (["--__class__", "4"], "no field '__class__' in problem ptb"),
    (["--problem", "digits"], "no field 'problem' in problem ptb"),
    (["--hidden_size", "2.5"], "hidden_size must be a whole number from 1 to 100000, not '2.5'"),
    (["--hidden_size", "1_0"], "hidden_size must be a whole number from 1 to 100000, not '1_0'"),
    (["--hidden_size", "0"], "hidden_size must be a whole number from 1 to 100000, not 0"),
    (["--hidden_size", "-3"], "hidden_size must be a whole number from 1 to 100000, not -3"),
    (["--hidden_size", "٣"], "hidden_size must be a whole number from 1 to 100000, not '٣'"),
    (["--hidden_size="], "hidden_size must be a whole number from 1 to 100000, not ''"),
    (
        ["--hidden_size", "9" * 50],
        "hidden_size must be a whole number from 1 to 100000, not a number of more than 40 digits",
    ),
    (["--seed", "2147483648"], "seed must be a whole number from 0 to 2147483647, not 2147483648"),
    (["--keep_prob", "0"], "keep_prob must be a number above 0 and at most 1, not 0.0"),
    (["--keep_prob", "1e-300"], "keep_prob must be a number above 0 and at most 1, not 1e-300"),
    (["--keep_prob", "1.01"], "keep_prob must be a number above 0 and at most 1, not 1.01"),
    (["--keep_prob", "nan"], "keep_prob must be a number above 0 and at most 1, not 'nan'"),
    (["--keep_prob", "1e999"], "keep_prob must be a number above 0 and at most 1, not inf"),
    (["--max_grad_norm", "inf"], "max_grad_norm must be a number from 0 to 1000000000, not 'inf'"),
    (["--use_bias", "maybe"], "use_bias must be true or false, not 'maybe'"),
    (["--cell", "lsm"], "cell must be one of rnn, lstm, lstm_peephole, gru, not 'lsm'"),
    (["--data_path", "a\0b"], "data_path must be printable text, not 'a\\x00b'"),
    (["--data_path", "a\udcff"], "data_path must be printable text, not 'a\\udcff'"),
    (["--seed", "1", "--seed=1"], "--seed is given twice"),
    (["--seed"], "--seed needs a value"),
    (["--seed", "--epochs", "3"], "--seed needs a value"),
    (["--"], "unexpected argument '--'"),
    (["small"], "unexpected argument 'small'"),
    (["-s", "1"], "unexpected argument '-s'"),
]


@pytest.mark.parametrize("flags, message", BAD_FLAGS)
def test_bad_flag_is_refused_with_what_is_allowed(flags: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("small", flags)
    assert str(caught.value) == message


def test_unknown_preset_offers_the_nearest_and_the_list() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("smal")
    line, names = str(caught.value).rstrip(")").split("(presets: ")
    assert line == "no preset 'smal'; did you mean small? "
    ours, others = names.split(", ")[:6], names.split(", ")[6:]
    assert ours == ["small", "medium", "large", "fast", "best20", "test"]
    assert sorted(others) == ["digits", "sin_cos", "sine", "subtraction"]


def good_values(kind: type, limits: declared.Setting) -> st.SearchStrategy:
    if limits.choices:
        return st.sampled_from(limits.choices)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(int(limits.low), int(limits.high))
    if kind is float:
        return st.floats(limits.low, limits.high)
    return st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@st.composite
def presets_with_flags(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    name = draw(st.sampled_from(list(PRESETS)))
    known = declared.fields_of(type(PRESETS[name].config))
    chosen = draw(st.sets(st.sampled_from(list(known))))
    return name, {each: draw(good_values(*known[each])) for each in sorted(chosen)}


@given(presets_with_flags())
@examples(max_examples=20, deadline=None)
def test_allowed_flags_arrive_and_survive_json(case: tuple[str, dict[str, object]]) -> None:
    name, values = case
    texts = {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items()}
    made = resolve(name, [f"--{field}={text}" for field, text in texts.items()])
    assert {field: getattr(made, field) for field in values} == values
    again = from_json(to_json(made), "text")
    assert again == made
    assert type(again) is type(made)


def test_load_reads_what_to_json_wrote(tmp_path: Path) -> None:
    made = resolve("digits", ["--variant=pooled"])
    assert load(write(tmp_path, to_json(made), "config.json")) == made


@dataclass(frozen=True)
class EchoConfig(Config):
    problem: ClassVar[str] = "echo"
    hidden_size: int = 8
    delay: int = setting(3, "steps that the echo is late", low=1, high=9)


def test_a_preset_of_ones_own_is_resolved_listed_and_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PRESETS, "echo", Preset(EchoConfig(), "an echo"))
    made = resolve("echo", ["--delay", "5"])
    assert made == EchoConfig(delay=5)
    assert from_json(to_json(made), "text") == made
    assert "echo         an echo" in list_presets().splitlines()
    with pytest.raises(ConfigError, match="hidden_size must be a whole number from 1 to 100000"):
        EchoConfig(hidden_size=0)  # a changed default keeps its limits


def test_help_lists_every_field_with_its_value_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    lines = declared.field_help(resolve("digits", ["--use_bias=false"])).splitlines()
    assert len(lines) == len(fields(DigitsConfig))
    assert "  --hidden_size 128           units in a layer (from 1 to 100000)" in lines
    assert (
        "  --cell lstm                 kind of recurrent cell (rnn, lstm, lstm_peephole, gru)"
        in lines
    )
    assert any(line.startswith("  --use_bias false ") for line in lines)
    assert any("(above 0 and at most 1)" in line for line in lines)
    monkeypatch.setenv("COLUMNS", "1")
    text = " ".join(declared.field_help(resolve("digits")).split())
    assert "--hidden_size 128" in text
    assert "--init_scale 0.1 scale of the initializers uniform and normal (above 0)" in text
    assert "before the sigmoid --use_bias" in text  # no limits that nobody meets


def test_importing_the_config_imports_no_tensorflow() -> None:
    code = "import config, sys; print(sorted({'tensorflow', 'numpy', 'keras'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0)
