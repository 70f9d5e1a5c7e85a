"""What NumPy, Python and TensorFlow's inside have no more, as the runner gives it to programs."""

import sys

import absl.flags
import numpy as np
import pytest

from tf1rnn.compat import gone, source


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a text as the file of a program; gives its names."""
    for name in ("one_number", "numbers_of"):
        function = getattr(source, name)
        monkeypatch.setattr(f"builtins.__tf1rnn_{name}__", function, raising=False)

    def run(text):
        (tmp_path / "old.py").write_text(text)
        names = {"np": np}
        exec(source.Loader("old", str(tmp_path / "old.py")).get_code("old"), names)
        return names

    return run


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("int(np.array([7]))", 7),
        ("int(np.searchsorted(np.cumsum([0.2, 0.8]), np.array([0.5])))", 1),
        ("float(np.array([[2.5]]))", 2.5),
        ("int('ff', 16)", 255),
        ("int(*[3.9])", 3),
        ("[int(x) for x in np.arange(2.0)]", [0, 1]),
        ("isinstance(3, int) and int is type(3)", True),
        ("'%.2f' % np.array([2.5])", "2.50"),
        ("'%s: %5.1f%%, %d' % ('x', np.array([[2.5]]), np.array([7]))", "x:   2.5%, 7"),
        ("'%s %r' % (np.array([1]), np.array([2]))", "[1] array([2])"),
        ("'%s' % [3]", "[3]"),
        ("'%(a)d %(b)s' % {'a': 1, 'b': 2}", "1 2"),
        ("'%*d' % (3, 7)", "  7"),
        ("7 % 4", 3),
    ],
)
def test_numbers_are_made_of_arrays_of_one(run, call, value):
    assert run(f"value = {call}\n")["value"] == value


def test_arrays_of_more_are_refused_where_they_stand(run):
    with pytest.raises(TypeError) as error:
        run("from __future__ import division\n\nint(np.ones([2]))\n")
    assert error.traceback[-1].lineno == 2  # from 0


def test_a_programs_files_leave_nothing_behind_and_pythons_own_are_not_read_so(run, tmp_path):
    run("x = int(np.ones([1]))\n")
    assert [path.name for path in tmp_path.iterdir()] == ["old.py"]
    assert source._finder(str(tmp_path)).find_spec("old").loader.__class__ is source.Loader
    for folder in (np.__path__[0], source.PACKAGE, tmp_path / "site-packages"):
        with pytest.raises(ImportError):
            source._finder(str(folder))


@pytest.mark.parametrize("name", ["array", "asarray"])
def test_rows_of_unequal_length_are_an_array_of_objects(name):
    taking = gone._taking_ragged(getattr(np, name))
    rows = taking([[1], [2, 3]])
    assert rows.dtype == object and rows.tolist() == [[1], [2, 3]]
    assert taking([[1.0, 2.0]]).dtype == np.float64
    with pytest.raises(ValueError):
        taking([[1], [2, 3]], dtype=np.int32)


@pytest.mark.parametrize("name", ["shape", "dense_shape"])
def test_a_sparse_tensor_takes_both_names_of_its_shape(name):
    made = []
    gone._taking_shape(lambda self, *args, **options: made.append((self, *args, options)))(
        1, 2, **{name: 3}
    )
    assert made == [(1, 2, {"dense_shape": 3})]


def test_flags_were_read_by_a_call_of_their_own(monkeypatch):
    flags = absl.flags.FlagValues()
    absl.flags.DEFINE_integer("units", 3, "units", flag_values=flags)
    monkeypatch.setattr(sys, "argv", ["old.py", "--units", "5", "--unknown"])
    gone.NAMES[absl.flags.FlagValues]["_parse_flags"](flags)
    assert flags.units == 5


def test_all_names_have_something_to_stand_for_them():
    for names in gone.NAMES.values():
        assert all(value is not None for value in names.values())
