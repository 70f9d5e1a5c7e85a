"""What `data/fetch.py` promises: the right files or none, whatever the source is."""

import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from data import fetch as module
from data.fetch import FetchError, fetch, read_archive

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "ptb.train.txt": b" a small text \n" * 400,
    "ptb.valid.txt": b" a text \n" * 300,
    "ptb.test.txt": b" small \n" * 200,
}
EXPECTED = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
Answer = Callable[[BaseHTTPRequestHandler], None]


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tgz(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


GOOD = [
    member("./simple-examples/", type=tarfile.DIRTYPE),
    member("./simple-examples/README", b"read me"),
    member("./simple-examples/data/ptb.char.train.txt", b"a _ b"),
    *(member(f"./simple-examples/data/{name}", content) for name, content in FILES.items()),
]


@pytest.fixture
def serve() -> Iterator[Callable[[bytes | Answer], str]]:
    """Gives a function that serves bytes, or lets a handler answer, and returns the address."""
    answers: list[bytes | Answer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[int(self.path[1:])]
            if callable(answer):
                return answer(self)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return None

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()

    def add(answer: bytes | Answer) -> str:
        answers.append(answer)
        return f"http://127.0.0.1:{server.server_port}/{len(answers) - 1}"

    yield add
    server.shutdown()
    server.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ptb"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def all_files(folder: Path) -> list[str]:
    """Every file and folder below but the lock, which may stay."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix != ".lock")


def fails(target: Path, source: str, words: str, **arguments: float) -> None:
    """The fetch is refused with one line that has `words`, and nothing was written."""
    root = target.parents[1]
    before = all_files(root)
    with pytest.raises(FetchError, match=words) as caught:
        fetch(target, source, EXPECTED, **arguments)
    assert "\n" not in str(caught.value)
    assert all_files(root) == before


def test_an_archive_is_fetched_checked_and_unpacked(serve, target):
    assert fetch(target, serve(tgz(*GOOD)), EXPECTED) is True
    assert content(target) == FILES
    assert all_files(target.parent) == ["ptb", *(f"ptb/{name}" for name in sorted(FILES))]


def test_a_folder_is_a_source(tmp_path, target):
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text)
    assert fetch(target, str(tmp_path), EXPECTED) is True
    assert content(target) == FILES


def test_what_is_there_and_right_is_not_fetched_again(serve, target):
    fetch(target, serve(tgz(*GOOD)), EXPECTED)
    assert fetch(target, "http://127.0.0.1:1/nothing-listens-here", EXPECTED) is False


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_what_is_there_and_wrong_is_not_overwritten(serve, target, damage):
    address = serve(tgz(*GOOD))
    fetch(target, address, EXPECTED)
    if damage == "changed":
        (target / "ptb.valid.txt").write_bytes(b" my own text \n")
    else:
        (target / "ptb.valid.txt").unlink()
    before = content(target)
    fails(target, address, r"ptb\.valid\.txt.*move .* away")
    assert content(target) == before


def test_an_empty_target_is_filled(serve, target):
    target.mkdir(parents=True)
    fetch(target, serve(tgz(*GOOD)), EXPECTED)
    assert content(target) == FILES


def test_not_found_and_unreachable_are_one_line(serve, target):
    fails(target, serve(lambda handler: handler.send_error(404)), "404")
    fails(target, "http://127.0.0.1:1/", "cannot fetch")
    fails(target, "http://[", "cannot fetch")
    fails(target, "file:///etc/passwd", "neither a folder nor")
    fails(target, str(target / "absent"), "neither a folder nor")


def test_a_silent_server_ends_in_a_timeout(serve, target):
    over = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(tgz(*GOOD)[:50])
        over.wait(10)

    try:
        fails(target, serve(silent), "timed out", timeout=0.2)
    finally:
        over.set()


@pytest.mark.parametrize("announced", [True, False])
def test_an_archive_cut_by_the_network_is_refused(serve, target, announced):
    whole = tgz(*GOOD)

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if announced:
            handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(whole[: len(whole) // 2])

    fails(target, serve(cut), "damaged or cut off")


def test_wrong_content_names_the_file(serve, target):
    wrong = [m if m[0].name[-9:] != ".test.txt" else member("ptb.test.txt", b"other") for m in GOOD]
    fails(target, serve(tgz(*wrong)), r"wrong ptb\.test\.txt")
    fails(target, serve(tgz(*GOOD[:-1])), r"no ptb\.test\.txt")
    fails(target, serve(b"<html>moved</html>"), "damaged")
    fails(target, serve(gzip.compress(b"no tar" * 1000)), "damaged")


def test_paths_and_links_of_an_archive_lead_nowhere(serve, target, tmp_path):
    outside = tmp_path / "outside"
    evil = [
        member("../../outside", b"evil"),
        member(str(outside), b"evil"),
        member("data", type=tarfile.SYMTYPE, linkname=str(tmp_path)),
        member("data/outside", b"evil"),
        member("ptb.train.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("ptb.valid.txt", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        member("ptb.test.txt", type=tarfile.FIFOTYPE),
    ]
    fails(target, serve(tgz(*evil)), "has no ptb")
    misplaced = [member(f"../../{name}", text) for name, text in FILES.items()]
    fetch(target, serve(tgz(*evil, *misplaced)), EXPECTED)
    assert content(target) == FILES
    assert all_files(tmp_path) == ["data", "data/ptb", *(f"data/ptb/{n}" for n in sorted(FILES))]


def test_a_bomb_is_neither_kept_nor_unpacked_to_its_end(serve, target, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE", 10_000)
    monkeypatch.setattr(module, "MAX_ARCHIVE", 1_000_000)
    zeros = bytes(900_000)
    fails(target, serve(tgz(member("ptb.train.txt", zeros), *GOOD)), r"wrong ptb\.train\.txt")
    fails(target, serve(tgz(member("a", zeros), member("b", zeros), *GOOD)), "more than 1,000,000")
    empty = gzip.compress(b"") * 60_000
    fails(target, serve(empty), "more than 1,000,000")


def test_headers_nested_without_end_are_damage():
    header = member("x", type=tarfile.XHDTYPE)[0].tobuf()
    with pytest.raises(FetchError, match="damaged"):
        read_archive(io.BytesIO(gzip.compress(header * 20_000)), EXPECTED)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_archive_gives_right_bytes_or_a_fetch_error(data):
    """Damage is done before compression too, where no checksum of gzip's hides it."""
    packed = data.draw(st.booleans(), "packed")
    archive = bytearray(tgz(*GOOD) if packed else gzip.decompress(tgz(*GOOD)))
    for _ in range(data.draw(st.integers(1, 5))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    stream = io.BytesIO(archive if packed else gzip.compress(archive))
    try:
        files = read_archive(stream, EXPECTED)
        module.check(files, EXPECTED, "the archive", "try again")
    except FetchError:
        return
    assert files == FILES


def test_a_disk_that_fills_leaves_nothing(serve, target, monkeypatch):
    target.parent.mkdir()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    fails(target, serve(tgz(*GOOD)), "cannot write .*No space left")


def test_a_target_that_is_no_folder_is_refused(serve, target):
    target.parent.mkdir()
    target.write_text("a file")
    fails(target, serve(tgz(*GOOD)), "cannot write")
    assert target.read_text() == "a file"


def test_two_at_once_do_not_mix(serve, target):
    target.parent.mkdir()
    with FileLock(target.parent / ".ptb.lock"):
        fails(target, serve(tgz(*GOOD)), "another process")


def test_a_killed_fetch_leaves_a_folder_that_the_next_removes(serve, target, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name, text in FILES.items():
        (source / name).write_bytes(text)
    code = (
        "import os, pathlib, sys, time; from data.fetch import fetch\n"
        "os.fsync = lambda descriptor: (print('writing', flush=True), time.sleep(60))\n"
        f"fetch(pathlib.Path({str(target)!r}), {str(source)!r}, {EXPECTED!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"writing\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not target.exists()
    assert all_files(target.parent)[0] == ".ptb.part"
    fetch(target, str(source), EXPECTED)
    assert all_files(target.parent) == ["ptb", *(f"ptb/{name}" for name in sorted(FILES))]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "data" / "fetch.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_command_fails_with_status_2_and_one_line(serve, target):
    def steer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"no http \x1b[2J at all\r\n\r\n")

    for source in (serve(tgz(*GOOD)), serve(steer), str(target)):
        result = run("--source", source, "--target", target)
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert "Traceback" not in result.stderr
        assert "\x1b" not in result.stderr
        assert not target.exists()


def test_the_command_installs_the_real_files_from_a_folder(target):
    folders = [ROOT / "data" / "ptb", ROOT.parent / "shared" / "data" / "ptb"]
    source = next((f for f in folders if (f / "ptb.train.txt").is_file()), None)
    if source is None:
        pytest.skip("no Penn Treebank text on this machine")
    for said in ("fetched", "already"):
        result = run("--source", source, "--target", target)
        assert (result.returncode, result.stderr) == (0, "")
        assert said in result.stdout
    assert sorted(content(target)) == sorted(module.PTB_SHA256)
