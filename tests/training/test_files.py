"""Files are whole or absent; a folder has one owner."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import files
from training.files import (
    RunLockedError,
    atomic_path,
    lock,
    remove_folder,
    remove_leftovers,
    write_atomically,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_a_file_holds_the_last_bytes_written(tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("files") / "result.json"
    write_atomically(path, first)
    write_atomically(path, second)
    assert path.read_bytes() == second
    assert names(path.parent) == ["result.json"]


@pytest.mark.parametrize("room", [0, 1, 500])
def test_a_full_disk_leaves_the_old_content_and_names_the_file(tmp_path, monkeypatch, room):
    path = tmp_path / "metrics.jsonl"
    write_atomically(path, b"old")

    def write_what_fits(target: Path, data: bytes) -> None:
        with target.open("wb") as file:
            file.write(data[:room])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_what_fits)
    with pytest.raises(OSError, match=r"No space left on device: .*metrics\.jsonl'") as caught:
        write_atomically(path, b"new" * 1000)
    assert caught.value.errno == errno.ENOSPC
    assert Path(caught.value.filename) == path
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["metrics.jsonl"]


@pytest.mark.parametrize(("owner", "call"), [(os, "fsync"), (Path, "replace")])
def test_a_disk_that_fails_late_leaves_the_old_content(tmp_path, monkeypatch, owner, call):
    path = tmp_path / "vocabulary.txt"
    write_atomically(path, b"old")

    def fail(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(owner, call, fail)
    with pytest.raises(OSError, match=r"vocabulary\.txt"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["vocabulary.txt"]


def test_what_is_renamed_was_written_through_to_the_disk_before(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace

    def logged_fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def logged_replace(source: Path, target: Path) -> None:
        events.append("rename")
        replace(source, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("the name behind a descriptor is only known on Linux")
    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(Path, "replace", logged_replace)
    with atomic_path(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "one").write_bytes(b"1")
        (temporary / "two").write_bytes(b"2")
    assert sorted(events[:2]) == ["one", "two"]
    assert events[2:] == [temporary.name, "rename", tmp_path.name]


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none/result\.json"):
        write_atomically(tmp_path / "none" / "result.json", b"new")


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"), atomic_path(tmp_path / "a"):
        (tmp_path / "elsewhere").read_bytes()


def test_an_atomic_path_has_the_suffix_of_its_target(tmp_path):
    with atomic_path(tmp_path / "curves.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"picture")
        assert not (tmp_path / "curves.png").exists()
    assert names(tmp_path) == ["curves.png"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_nothing(tmp_path, error):
    (tmp_path / "kept").write_bytes(b"old")
    with pytest.raises(error), atomic_path(tmp_path / "kept") as temporary:
        temporary.write_bytes(b"half")
        raise error
    with pytest.raises(error), atomic_path(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "file").write_bytes(b"half")
        raise error
    assert names(tmp_path) == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"old"


def test_a_symbolic_link_is_replaced_and_its_target_untouched(tmp_path):
    (tmp_path / "precious").write_bytes(b"old")
    (tmp_path / "result.json").symlink_to(tmp_path / "precious")
    write_atomically(tmp_path / "result.json", b"new")
    assert (tmp_path / "precious").read_bytes() == b"old"
    assert (tmp_path / "result.json").read_bytes() == b"new"


def test_leftovers_are_removed_at_any_depth_and_nothing_else(tmp_path):
    run, outside = tmp_path / "run", tmp_path / "outside"
    (run / "checkpoints").mkdir(parents=True)
    outside.mkdir()
    (outside / ".tmp-01234567-kept").write_bytes(b"kept")
    (run / "link").symlink_to(outside)
    for path in (run / "curves.png", run / "checkpoints" / "step-1"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "_delete", lambda _: None)  # as if killed
            with pytest.raises(KeyError), atomic_path(path) as temporary:
                temporary.mkdir()
                (temporary / "file").write_bytes(b"half")
                raise KeyError
    (run / ".tmp-89abcdef-link").symlink_to(outside)
    (run / ".tmp-notes").write_bytes(b"kept")
    (run / "checkpoints" / "step-0").mkdir()
    remove_leftovers(run)
    assert names(run) == [".tmp-notes", "checkpoints", "link"]
    assert names(run / "checkpoints") == ["step-0"]
    assert names(outside) == [".tmp-01234567-kept"]


def test_a_folder_killed_in_its_removal_is_a_leftover(tmp_path, monkeypatch):
    (tmp_path / "step-1").mkdir()
    monkeypatch.setattr(files, "_delete", lambda _: None)
    remove_folder(tmp_path / "step-1")
    assert not (tmp_path / "step-1").exists()
    monkeypatch.undo()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == []


def test_a_lock_is_refused_to_a_second_owner_and_free_after_the_first(tmp_path):
    with lock(tmp_path):
        with (
            pytest.raises(RunLockedError, match=f"in use by process {os.getpid()}"),
            lock(tmp_path),
        ):
            pass
        # The refused one must not have loosened the lock.
        with pytest.raises(RunLockedError), lock(tmp_path):
            pass
    with lock(tmp_path):
        pass


def test_a_lock_whose_block_fails_is_freed(tmp_path):
    with pytest.raises(KeyboardInterrupt), lock(tmp_path):
        raise KeyboardInterrupt
    with lock(tmp_path):
        pass


HOLD = """
import runpy, sys, time
from pathlib import Path
files = runpy.run_path(sys.argv[1])
with files["lock"](Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_of_another_process_is_named_and_vanishes_when_it_is_killed(tmp_path):
    # The file is run by itself: the package would load TensorFlow.
    command = [sys.executable, "-c", HOLD, files.__file__, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            with (
                pytest.raises(RunLockedError, match=rf"is in use by process {process.pid}$"),
                lock(tmp_path),
            ):
                pass
        finally:
            process.send_signal(signal.SIGKILL)
    with lock(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"rm -rf", b"\xff" * 1000, None])
def test_a_strange_owner_file_does_no_harm(tmp_path, content):
    with lock(tmp_path):
        (tmp_path / ".lock.pid").unlink()
        if content is not None:
            (tmp_path / ".lock.pid").write_bytes(content)
        with pytest.raises(RunLockedError, match=r"process \(unknown\)"), lock(tmp_path):
            pass


def test_a_folder_that_cannot_be_locked_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"), lock(tmp_path / "file"):
        pass
