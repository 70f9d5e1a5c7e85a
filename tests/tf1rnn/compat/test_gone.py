"""What NumPy, Python and TensorFlow's inside have no more, as the runner gives it to programs."""

import importlib
import json
import random
import sys

import absl.flags
import numpy as np
import pytest

from tf1rnn.compat import gone, source


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a text as the file of a program; gives its names."""
    for name in ("one_number", "numbers_of", "member"):
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


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("value = np.array([[1, 2], [3, 4]], np.int8).tostring()", b"\1\2\3\4"),
        ("value = np.array([[1, 2], [3, 4]], np.int8).tostring('F')", b"\1\3\2\4"),
        ("value = np.int16(258).tostring()", b"\2\1"),
        ("value = np.array([[1, 2], [3, 7]]).ptp()", 6),
        ("value = np.array([[1, 2], [3, 7]]).ptp(axis=0).tolist()", [2, 5]),
        ("value = np.array([[1, 2], [3, 7]]); value.itemset(2, 9); value = value.tolist()",
         [[1, 2], [9, 7]]),
        ("value = np.array([[1, 2], [3, 7]]); value.itemset(0, 1, 9); value = value.tolist()",
         [[1, 9], [3, 7]]),
        ("value = np.array([1], np.int16).newbyteorder().tolist()", [256]),
        ("from xml.etree import ElementTree\n"
         "value = [e.tag for e in ElementTree.fromstring('<a><b/><c/></a>').getchildren()]",
         ["b", "c"]),
        ("from xml.etree import ElementTree\n"
         "value = ElementTree.tostring(ElementTree.Element('a'))", b"<a />"),
        ("class Own:\n ptp = 3\nOwn.ptp = 4\nvalue = Own().ptp", 4),
    ],
)  # fmt: skip
def test_methods_that_arrays_had_are_asked_for_as_they_were(run, program, value):
    assert run(f"{program}\n")["value"] == value


def test_a_method_that_there_never_was_is_missing(run):
    with pytest.raises(AttributeError, match="'list' object has no attribute 'ptp'"):
        run("[].ptp()")


def test_functions_take_what_they_took():
    halves = (np.ones(2) * i for i in range(2))
    assert gone._taking_iterators(np.vstack)(halves).tolist() == [[0, 0], [1, 1]]
    assert gone._copying_where_it_must(np.array)([1], copy=False).tolist() == [1]
    fromstring = gone._taking_bytes(np.fromstring)
    made = fromstring(np.float32([1, 2]).tobytes(), dtype=np.float32)
    made += 1  # it can be written to
    assert made.tolist() == [2, 3]
    assert fromstring("AB", np.uint8).tolist() == [65, 66]
    assert fromstring("1 2", dtype=int, sep=" ").tolist() == [1, 2]
    assert gone._taking_whole_floats(np.linspace)(0, 1, 6 / 2).tolist() == [0, 0.5, 1]
    assert sorted(gone._taking_sets(random.sample)({1, 2}, 2)) == [1, 2]
    numbers = list(range(4))
    gone._shuffled(numbers, lambda: 0.0)  # each change is with the first
    assert numbers == [1, 2, 3, 0]
    gone._shuffled(numbers)
    assert sorted(numbers) == [0, 1, 2, 3]


def test_sums_of_generators_and_defaults_of_another_kind():
    total = gone._taking_generators(np.sum)
    assert total(x * 2 for x in range(4)) == 12
    assert total([[1, 2], [3, 4]], axis=0).tolist() == [4, 6]
    parse = gone._taking_any_default(absl.flags.Flag._parse_from_default)
    flags = absl.flags.FlagValues()
    absl.flags.DEFINE_integer("units", 3, "units", flag_values=flags)
    assert parse(flags["units"], "7") == 7
    assert parse(flags["units"], "seven") == "seven"


def test_modules_are_found_under_the_names_that_they_had(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, gone._MovedFinder()])
    monkeypatch.setitem(gone.MOVED, "json.former", "json.decoder")
    former = importlib.import_module("json.former")
    assert former.JSONDecoder is json.JSONDecoder
    monkeypatch.setitem(gone.MOVED, "json.nowhere", "nowhere_to_be_found")
    with pytest.raises(ModuleNotFoundError, match=r"json\.nowhere"):
        importlib.import_module("json.nowhere")


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
