"""Hostile files and flags: each gives a whole valid Config or one line of ConfigError."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from config import Config, PTBConfig
from problems import from_json, load, resolve
from training import fields as declared
from training.config_files import to_json
from training.fields import ConfigError


def write(folder: Path, text: str | bytes, name: str = "my.toml") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


SMALL = 'preset = "small"\n'
BAD_TOML = [
    ("", 'a line such as preset = "small" must name the preset to start from'),
    ("preset = 3", 'a line such as preset = "small" must name the preset to start from'),
    ('preset = "smal"', "no preset 'smal'; did you mean small?"),
    (SMALL + "epoch = 3", "no field 'epoch' in problem ptb; did you mean epochs?"),
    (SMALL + 'epochs = "3"', "epochs must be a whole number from 1 to 10000, not '3'"),
    (SMALL + "epochs = 3.0", "epochs must be a whole number from 1 to 10000, not 3.0"),
    (SMALL + "epochs = true", "epochs must be a whole number from 1 to 10000, not true"),
    (SMALL + "epochs = [3]", "epochs must be a whole number from 1 to 10000, not a list"),
    (SMALL + "[epochs]\na = 1", "epochs must be a whole number from 1 to 10000, not a table"),
    (SMALL + "epochs = 0x" + "f" * 9999, "not a number of more than 40 digits"),
    (SMALL + "learning_rate = nan", "learning_rate must be a number above 0"),
    (SMALL + "learning_rate = 0x" + "f" * 9999, "not a number of more than 40 digits"),
    (SMALL + "use_bias = 1", "use_bias must be true or false, not 1"),
    (SMALL + "cell = 1979-05-27", "cell must be one of rnn, lstm, lstm_peephole, gru, not a date"),
    (SMALL + 'data_path = "\\u0000"', "data_path must be printable text"),
    (SMALL + "seed = 1\nseed = 1", "overwrite"),
    ("preset = ", "Invalid value"),
    ("a = " + "[" * 100_000, "nested too deeply"),
    (b"preset = '\xff'", "not UTF-8 text"),
]


@pytest.mark.parametrize("text, message", BAD_TOML)
def test_bad_toml_is_refused_in_one_line_naming_the_file(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        resolve(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [resolve, load])
def test_missing_file_and_folder_are_refused(read: Callable[[str], Config], tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name, reason in [("none.toml", "No such file"), ("folder.toml", "s a directory")]:
        with pytest.raises(ConfigError, match=rf"{name}: .*{reason}"):
            read(str(tmp_path / name))
    with pytest.raises(ConfigError):
        read("a\0.toml")


def stored(**changes: object) -> str:
    return json.dumps({**json.loads(to_json(resolve("small"))), **changes})


def without(name: str) -> str:
    return json.dumps({k: v for k, v in json.loads(stored()).items() if k != name})


BAD_JSON = [
    ("", "Expecting value"),
    ("null", "not an object of fields"),
    ("[]", "not an object of fields"),
    ("{}", "no problem nothing; there are ptb, "),
    (stored(problem="chess"), "no problem 'chess'; there are ptb, "),
    (stored(problem=["ptb"]), "no problem a list"),
    (stored(problem="digits"), "the field variant is missing"),
    (without("seed"), "the field seed is missing"),
    (stored(epoch=1), "no field 'epoch' in problem ptb; did you mean epochs?"),
    (stored(seed="1"), "seed must be a whole number from 0 to 2147483647, not '1'"),
    (stored(seed=1.0), "seed must be a whole number from 0 to 2147483647, not 1.0"),
    (stored(seed=None), "seed must be a whole number from 0 to 2147483647, not nothing"),
    (stored(seed={"a": 1}), "seed must be a whole number from 0 to 2147483647, not a table"),
    (stored(use_bias="true"), "use_bias must be true or false, not 'true'"),
    (stored(keep_prob=float("nan")), "NaN is not a number"),
    (stored(keep_prob=1e300), "keep_prob must be a number above 0 and at most 1, not 1e+300"),
    (stored(cell="x" * 10**6), "not '" + "x" * 60),
    (stored().replace('"seed": 1', '"seed": 1e999'), "not inf"),
    (stored().replace('"seed": 1', '"seed": ' + "1" * 4000), "more than 40 digits"),
    (stored().replace('"seed": 1', '"seed": 1, "seed": 1'), "a key is there twice"),
    (stored().replace('"seed": 1', '"seed": ' + "[" * 100_000), "nested too deeply"),
    (stored()[:-1], "delimiter"),
]


@pytest.mark.parametrize("text, message", BAD_JSON, ids=range(len(BAD_JSON)))
def test_bad_json_is_refused_in_one_short_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_json(text, "logs/run/config.json")
    shown = str(caught.value)
    assert shown.startswith("logs/run/config.json: ")
    assert message in shown
    assert len(shown) < 300 and shown.isprintable()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = st.sampled_from([f.name for f in fields(PTBConfig)] + ["problem"]) | st.text()


def assert_good_or_refused(make: Callable[..., Config], *arguments: object) -> None:
    """Whatever comes in is a whole valid Config or one line of ConfigError."""
    try:
        made = make(*arguments)
    except ConfigError as error:
        assert str(error)
    else:
        assert isinstance(made, Config)
        for name, (kind, limits) in declared.fields_of(type(made)).items():
            value = getattr(made, name)
            assert type(value) is kind
            assert not limits.choices or value in limits.choices
            if isinstance(value, (int, float)) and kind is not bool:
                assert limits.low <= value <= limits.high


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=3))
@examples(max_examples=25, deadline=None)
def test_any_json_object_is_good_or_refused(changes: dict[str, object]) -> None:
    assert_good_or_refused(from_json, stored(**changes), "text")


@given(st.text())
@examples(max_examples=50, deadline=None)
def test_any_text_is_good_or_refused_as_json(text: str) -> None:
    assert_good_or_refused(from_json, text, "text")


@given(st.lists(st.text() | st.builds("--{}".format, NAMES) | st.sampled_from(["1", "-1", "0.5"])))
@examples(max_examples=50, deadline=None)
def test_any_flags_are_good_or_refused(flags: list[str]) -> None:
    assert_good_or_refused(resolve, "small", flags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toml")


TOML_LINES = st.builds("{} = {}".format, NAMES, JSON_VALUES.map(json.dumps)).map(str.encode)


@given(st.lists(TOML_LINES | st.binary(), max_size=4))
@examples(max_examples=50, deadline=None)
def test_any_bytes_are_good_or_refused_as_toml(folder: Path, lines: list[bytes]) -> None:
    assert_good_or_refused(resolve, write(folder, b"\n".join([SMALL.encode(), *lines])))
    assert_good_or_refused(resolve, write(folder, b"\n".join(lines)))
