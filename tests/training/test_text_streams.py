"""Texts that are read and written as they come."""

import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reader import EOS, read_words
from training import text_streams
from training.data import DataError
from training.text_streams import open_lines, open_output, read_lines

ENDS = ["\n", "\r", "\r\n", "\u0085", "\u2028", "\u2029"]


class Slow(io.BytesIO):
    """Gives at most `size` bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, size: int):
        super().__init__(data)
        self.size = size

    def read1(self, size=-1):
        return super().read1(min(size, self.size))


@given(st.lists(st.sampled_from([*ENDS, "a", "é", "\U0001f40c", " ", "\x0b"])), st.integers(1, 5))
@example(["\ufeff", "a", "\r", "\n", "b"], 1)
@example(["a", "\u2028"], 2)
def test_lines_are_those_of_the_whole_text_however_it_comes(parts, size):
    """The whole text is split by the rule of reader.read_words."""
    text = "".join(parts)
    if not text.removeprefix("\ufeff"):
        return
    lines = list(read_lines(Slow(text.encode(), size), "it"))
    # What str.splitlines ends lines at, but for those that are mere spaces to the reader.
    plain = text.removeprefix("\ufeff").replace("\x0b", " ")
    assert [line.replace("\x0b", " ") for line in lines] == plain.splitlines()


def test_the_reader_has_the_same_lines(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("\ufeffa b\r\n\rc\u2028d\n\n\u0085e f".encode())
    with open_lines(path) as lines:
        words = [word for line in lines for word in [*line.split(), EOS]]
    assert words == read_words(path)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        ("\ufeff".encode(), "it is empty"),
        (b"abc \xff\n", "it is not UTF-8 text (byte 4)"),
        ("é\né".encode()[:-1], "it is not UTF-8 text (byte 3)"),
        ("éa".encode() + b"\xe2\x82" + b"b", "it is not UTF-8 text (byte 3)"),
        (b"a\0b", "it has zero bytes"),
    ],
)
def test_what_is_no_text_is_refused(data, message, size):
    with pytest.raises(DataError) as refused:
        list(read_lines(Slow(data, size), "it"))
    assert str(refused.value).startswith(message)
    assert len(str(refused.value).splitlines()) == 1


def test_lines_come_before_the_text_has_ended():
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo\nthr")
    with open(reader, "rb") as file:  # noqa: PTH123
        lines = read_lines(file, "pipe")
        assert [next(lines), next(lines)] == ["one", "two"]
        os.write(writer, b"ee")
        os.close(writer)
        assert list(lines) == ["three"]


def test_a_file_that_cannot_be_opened_is_said_at_once(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none: No such file"):
        open_lines(tmp_path / "none").__enter__()
    with pytest.raises(DataError, match="Is a directory"):
        open_lines(tmp_path).__enter__()


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path, link = tmp_path / "out", tmp_path / "link"
    path.write_text("before")
    link.symlink_to(path)
    with pytest.raises(ValueError, match="in the middle"), open_output(link) as file:
        file.write("half")
        raise ValueError("in the middle")
    assert path.read_text() == "before"
    with open_output(link) as file:
        file.write("é\n")
    assert (path.read_bytes(), link.is_symlink()) == ("é\n".encode(), True)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_pipe_gets_the_text_as_it_comes(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    thread = threading.Thread(target=lambda: found.append(pipe.read_text()))
    thread.start()
    with open_output(pipe) as file:
        file.write("a\n")
        file.write("b\n")
    thread.join(60)
    assert found == ["a\nb\n"]
    assert pipe.is_fifo()


def test_no_name_is_standard_output_and_a_full_device_is_named(capsys):
    with open_output(None) as file:
        file.write("x\n")
    assert capsys.readouterr().out == "x\n"
    with pytest.raises(OSError, match="No space left") as full, open_output(Path("/dev/full")) as f:
        f.write("x")
    assert full.value.filename == "/dev/full"


def test_a_long_line_is_put_together_from_pieces(monkeypatch):
    monkeypatch.setattr(text_streams, "PIECE", 10)
    text = " ".join(f"w{number}" for number in range(1000))
    assert list(read_lines(io.BytesIO(f"{text}\nend".encode()), "it")) == [text, "end"]
