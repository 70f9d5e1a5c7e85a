"""Damage, forgery, full disks and kills cost at most the newest checkpoint."""

import errno
import io
import os
import resource
import shutil
import subprocess
import zipfile
from pathlib import Path

import processes
import pytest
from checkpoint_network import FILES, Network, assert_is, names, renew_sums, save
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from training.checkpoint import CheckpointError, Checkpoints


@pytest.fixture(scope="module")
def network():
    network = Network()
    yield network
    network.session.close()


@pytest.fixture(scope="module")
def two(network, tmp_path_factory):
    """A folder with the checkpoints of steps 1 and 2, and the values of both."""
    folder = tmp_path_factory.mktemp("two")
    return folder, {step: save(network, Checkpoints(folder), step)[1] for step in (1, 2)}


def damage(path, how, place, change):
    data = bytearray(path.read_bytes())
    index = int(place * (len(data) - 1))
    if how == "flip":
        data[index] ^= change
    elif how == "insert":
        data.insert(index, change)
    elif how == "append":
        data.append(change)
    elif how == "cut":
        del data[index:]
    path.write_bytes(data)
    if how == "remove":
        path.unlink()


@settings(max_examples=60, deadline=None)
@given(
    file=st.sampled_from(FILES),
    how=st.sampled_from(["flip", "cut", "remove", "insert", "append"]),
    place=st.floats(0, 1),
    change=st.integers(1, 255),
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    network, two, tmp_path_factory, file, how, place, change
):
    folder, bits = two
    copy = tmp_path_factory.mktemp("copy") / "checkpoints"
    shutil.copytree(folder, copy)
    newest = copy / "step-0000000002"
    damage(newest / file, how, place, change)
    lines = []
    assert_is(Checkpoints(copy, warn=lines.append).newest(), network, 1, bits[1])
    assert len(lines) == 1
    assert lines[0].startswith(f"{newest} is damaged: ")
    assert "\n" not in lines[0]
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoints(copy).at(2)
    shutil.rmtree(copy)


def test_without_a_whole_one_there_is_none(two, tmp_path):
    shutil.copytree(two[0], tmp_path / "copy")
    for step in (1, 2):
        (tmp_path / "copy" / f"step-000000000{step}" / "progress.json").write_text("{}")
    with pytest.warns(UserWarning, match="is damaged") as warned:
        assert Checkpoints(tmp_path / "copy").newest() is None
    assert len(warned) == 2


# A stranger's checkpoint, with checksums that hold


def npz(content, **options):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", **options) as archive:
        archive.writestr("state.npy", content)
    return packed.getvalue()


def npy(shape, dtype="<f4", data=b"", version=1):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(header).to_bytes(2, "little") + header + data


def overlapping(content):
    """An archive in which two entries share their bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("state.npy", content)
        archive.filelist *= 9
    return packed.getvalue()


PICKLE = b"cbuiltins\nexec\n(Vraise SystemExit\ntR."
HOSTILE = {
    "objects": ("arrays.npz", npz(npy((1,), "|O", PICKLE))),
    "nothing but a pickle": ("arrays.npz", PICKLE),
    "claims 4 TB": ("arrays.npz", npz(npy((10**12,)))),
    "claims more than there are bytes for": ("arrays.npz", npz(npy((2**40, 2**40)))),
    "negative": ("arrays.npz", npz(npy((-1, -1), data=b"1234"))),
    "compressed": ("arrays.npz", npz(npy((1,), data=b"1234"), compression=zipfile.ZIP_LZMA)),
    "a bomb": ("arrays.npz", npz(npy((10**6,), data=bytes(4 * 10**6)), compression=8)),
    "overlapping": ("arrays.npz", overlapping(npy((9,), data=bytes(36)))),
    "unknown version": ("arrays.npz", npz(npy((1,), data=b"1234", version=9))),
    "deep header": ("arrays.npz", npz(npy("(" * 9000 + ")" * 9000))),
    "no dictionary": ("progress.json", b"[1]"),
    "no progress": ("progress.json", b'{"step": 2}'),
    "another step": ("progress.json", b'{"step": 3, "progress": {}}'),
    "deep": ("progress.json", b'{"step": 2, "progress": ' + b"[" * 10**6),
    "long number": ("progress.json", b'{"step": 2, "progress": {"a": ' + b"9" * 10**4 + b"}}"),
    "not UTF-8": ("progress.json", b'{"step": 2, "progress": {"a": "\xff"}}'),
    "too large": ("progress.json", b'{"step": 2, "progress": {}}' + b" " * (1 << 24)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_content_is_refused(two, tmp_path, case):
    shutil.copytree(two[0], tmp_path / "copy")
    name, content = HOSTILE[case]
    path = tmp_path / "copy" / "step-0000000002"
    (path / name).write_bytes(content)
    renew_sums(path)
    with pytest.raises(CheckpointError, match="step-0000000002 is damaged"):
        Checkpoints(tmp_path / "copy").at(2)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "extra link", "linked folder"])
def test_what_is_no_regular_file_is_refused(two, tmp_path, kind):
    shutil.copytree(two[0], tmp_path / "copy")
    path = tmp_path / "copy" / "step-0000000002"
    target = path / "progress.json"
    if kind == "linked folder":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "extra link":
        (path / "variables.data-00001-of-00002").symlink_to("/dev/zero")
    else:
        target.rename(tmp_path / "moved")
        if kind == "link":
            target.symlink_to(tmp_path / "moved")
        elif kind == "pipe":
            os.mkfifo(target)
        else:
            target.mkdir()
    with pytest.raises(CheckpointError, match=r"it is a link|is not a regular file"):
        Checkpoints(tmp_path / "copy").at(2)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(FILES[3:]), st.floats(0, 1), st.integers(1, 255))
def test_hostile_variables_are_an_error_that_changes_nothing(
    network, two, tmp_path_factory, name, place, change
):
    copy = tmp_path_factory.mktemp("copy") / "checkpoints"
    shutil.copytree(two[0], copy)
    damage(copy / "step-0000000002" / name, "flip", place, change)
    renew_sums(copy / "step-0000000002")
    before = network.draw(5)
    try:
        Checkpoints(copy).at(2).restore(network.session, network.saver)
    except CheckpointError as error:
        assert "cannot restore" in str(error)
        assert "\n" not in str(error)
        assert network.bits() == before
    else:  # a bit without a meaning, in the padding of the index
        assert network.bits() == two[1][2]
    shutil.rmtree(copy)


def forge_index(path, place, change):
    """Flip a bit in the index's first block, and renew the block's checksum."""
    data = bytearray(path.read_bytes())
    start = 0
    sizes = []  # the end of the file: offset and size of two blocks, seven bits a byte
    for byte in data[-48:]:
        sizes = [*sizes, 0] if start == 0 else sizes
        sizes[-1] |= (byte & 127) << start
        start = start + 7 if byte & 128 else 0
    end = sizes[0] - 5  # where the first block ends: a byte for its compression and 4 of checksum
    data[int(place * (end - 1))] ^= change
    data[end + 1 : end + 5] = masked_crc32c(bytes(data[: end + 1])).to_bytes(4, "little")
    path.write_bytes(data)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.integers(1, 255))
def test_an_index_forged_with_its_inner_checksum_does_not_end_the_process(
    network, two, tmp_path_factory, place, change
):
    copy = tmp_path_factory.mktemp("copy") / "checkpoints"
    shutil.copytree(two[0], copy)
    forge_index(copy / "step-0000000002" / "variables.index", place, change)
    renew_sums(copy / "step-0000000002")
    before = network.draw(5)
    try:
        Checkpoints(copy).at(2).restore(network.session, network.saver)
    except CheckpointError as error:
        assert "\n" not in str(error)
        assert network.bits() == before
    shutil.rmtree(copy)


# A disk that is full


def fill_after(monkeypatch, room):
    """Let only `room` more bytes be written by Python."""

    def write(path: Path, data: bytes) -> None:
        nonlocal room
        with path.open("wb") as file:
            file.write(data[:room])
        room = max(room - len(data), 0)
        if room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize("room", [0, 100, 350, 500])
@pytest.mark.parametrize("step", [1, 2])
def test_a_full_disk_is_an_error_and_the_earlier_checkpoint_stays(
    network, tmp_path, monkeypatch, room, step
):
    checkpoints = Checkpoints(tmp_path)
    _, bits = save(network, checkpoints, 1)
    fill_after(monkeypatch, room)
    with pytest.raises(CheckpointError, match=f"cannot write .*step-000000000{step}.*: No space"):
        save(network, checkpoints, step)
    assert names(tmp_path) == ["step-0000000001"]
    assert_is(checkpoints.newest(), network, 1, bits)
    monkeypatch.undo()
    _, bits = save(network, checkpoints, step)
    assert_is(checkpoints.newest(), network, step, bits)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_on_a_small_disk_a_save_is_whole_or_an_error_wherever_the_space_ends(network, small_disk):
    checkpoints = Checkpoints(small_disk / "checkpoints", warn=pytest.fail)
    _, bits = save(network, checkpoints, 1)
    failures = 0
    for room in range(0, 48 * 1024, 4096):
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast.write_bytes(bytes(free - room))
        step = checkpoints.newest().step
        try:
            _, bits = save(network, checkpoints, step + 1)
            step += 1
        except CheckpointError as error:
            assert "step-" in str(error)
            failures += 1
        assert_is(checkpoints.newest(), network, step, bits)
        checkpoints.prune(best_step=None)
        ballast.unlink()
    assert failures >= 5  # a checkpoint takes five blocks at least
    assert step > 1


@pytest.mark.parametrize("largest", [0, 100, 300, 450])
def test_a_file_that_tensorflow_cannot_write_whole_is_an_error(network, tmp_path, largest):
    checkpoints = Checkpoints(tmp_path)
    path, bits = save(network, checkpoints, 1)
    assert (path / "variables.data-00000-of-00001").stat().st_size > 450
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))  # Python ignores SIGXFSZ
    try:
        with pytest.raises(
            CheckpointError, match=r"cannot write .*step-0000000002: File too large"
        ):
            save(network, checkpoints, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ["step-0000000001"]
    assert_is(checkpoints.newest(), network, 1, bits)


# A process that is killed

SAVE_UNTIL_KILLED = """
import os, random, signal, sys, time, warnings
from pathlib import Path

sys.path.insert(0, sys.argv[2])
from checkpoint_network import Network, save
from training.checkpoint import Checkpoints
from training.files import lock, remove_leftovers

warnings.simplefilter("error")
folder = Path(sys.argv[1])
network = Network()  # its graph; a session has threads, which a fork would lose


def save_for_ever():
    with lock(folder):
        remove_leftovers(folder)
        assert len(list((folder / "checkpoints").glob("*"))) <= 5
        checkpoints = Checkpoints(folder / "checkpoints")
        newest = checkpoints.newest()
        step = newest.step if newest else 0
        while True:
            save(network, checkpoints, step)
            checkpoints.prune(best_step=1)
            os.write(pipe[1], b".")
            step += random.random() < 0.7  # or the same step again


for life in range(3):
    pipe = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            save_for_ever()
        finally:
            os._exit(1)
    os.close(pipe[1])
    os.read(pipe[0], 1)
    time.sleep(random.uniform(0, 0.2))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(pipe[0])
    assert os.WIFSIGNALED(status), "died of itself"
    print(Checkpoints(folder / "checkpoints").newest().step, flush=True)
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint(network, tmp_path):
    ended = processes.run(["-c", SAVE_UNTIL_KILLED, tmp_path, Path(__file__).parents[1]])
    assert ended.returncode == 0, ended.stderr
    steps = [int(line) for line in ended.stdout.splitlines()]
    assert len(steps) == 3
    assert steps == sorted(steps)
    checkpoints = Checkpoints(tmp_path / "checkpoints", warn=pytest.fail)
    assert checkpoints.newest().step == steps[-1]
    assert_is(checkpoints.newest(), network, steps[-1], network.draw(steps[-1]))
