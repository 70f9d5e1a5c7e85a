"""Fetches the Penn Treebank's three text files into `data/ptb`.

    python data/fetch.py                     from its public home, over HTTPS
    python data/fetch.py --source FOLDER     from a folder that has the three files
    python data/fetch.py --source ADDRESS    from the archive at another http(s) address

Nothing is trusted but the SHA-256 of the three files, so plain http is as safe as HTTPS. Of an
archive only the three files are read, into memory: no path, link or size in it is obeyed. They are
written when all three are right, into a temporary folder that then gets its name in one step. So a
fetch that fails leaves nothing, and one that is killed at most that folder, which the next removes.
"""

import argparse
import gzip
import hashlib
import http.client
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

PUBLIC_HOME = "https://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz"
PTB_SHA256 = {
    "ptb.train.txt": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "ptb.valid.txt": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "ptb.test.txt": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}
MAX_FILE = 16 << 20  # bytes; the largest of the three has 5.1 million
MAX_ARCHIVE = 512 << 20  # bytes, both as sent and unpacked
# What the standard library raises for a damaged archive; the last for headers nested too deep.
DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RecursionError)


class FetchError(Exception):
    """The files could not be had or not be written; the message is one line for the user."""


class BoundedStream:
    """Reads from `stream`, and raises FetchError once that gave more than `limit` bytes."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, limit: int):
        self._stream, self._limit, self._count = stream, limit, 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, or all to the end."""
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > self._limit:
            raise FetchError(f"the archive has more than {self._limit:,} bytes: not the right one")
        return data


def fetch(
    target: Path,
    source: str = PUBLIC_HOME,
    expected: Mapping[str, str] = PTB_SHA256,
    timeout: float = 30.0,
) -> bool:
    """Put the files into the folder `target`; return False if they were there already.

    source: a folder that holds the files, or the http(s) address of a `.tgz` that does.
    expected: SHA-256 in hexadecimal, by file name.
    timeout: seconds for which the server may be silent.
    Raises FetchError, or OSError for a folder that may not be read; `target` is then as it was.
    """
    if target.is_dir() and any(target.iterdir()):
        advice = f"move {target} away, then run this again"
        check(read_folder(target, expected), expected, str(target), advice)
        return False
    if source.startswith(("http://", "https://")):
        files = download(source, expected, timeout)
    elif Path(source).is_dir():
        files = read_folder(Path(source), expected)
    else:
        raise FetchError(f"{source} is neither a folder nor an http(s) address")
    check(files, expected, source, "try again, or another --source")
    install(files, target)
    return True


def check(files: Mapping[str, bytes], expected: Mapping[str, str], where: str, advice: str) -> None:
    """Raise FetchError unless `files` has all that is `expected`, with the right SHA-256."""
    for name, digest in expected.items():
        if name not in files:
            raise FetchError(f"{where} has no {name}: {advice}")
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise FetchError(f"{where} has a wrong {name}, its SHA-256 differs: {advice}")


def read_folder(folder: Path, names: Collection[str]) -> dict[str, bytes]:
    """Return those of the named files that `folder` holds, cut at `MAX_FILE` bytes."""
    files = {}
    for name in names:
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                files[name] = file.read(MAX_FILE)
    return files


def download(address: str, names: Collection[str], timeout: float) -> dict[str, bytes]:
    """Return those of the named files that the archive at `address` holds; shows a bar."""
    console = Console()
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    try:
        with (
            urllib.request.urlopen(address, timeout=timeout) as response,
            Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ):
            size = response.length or MAX_ARCHIVE  # where the server does not tell it
            stream = progress.wrap_file(response, size, description="fetching")
            return read_archive(stream, names)
    except urllib.error.HTTPError as error:
        message = f"{address} is not to be had, status {error.code}: try another --source"
        raise FetchError(message) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        message = f"cannot fetch {address} ({reason}): try again, or another --source"
        raise FetchError(message) from error


def read_archive(stream: BinaryIO, names: Collection[str]) -> dict[str, bytes]:
    """Return those of the named files that the `.tgz` holds in any folder, cut at `MAX_FILE` bytes.

    Only regular members are read, the first of each name, and nothing after the last one wanted.
    Raises FetchError for a stream that is no such archive, is cut off or unpacks to too much.
    """
    files: dict[str, bytes] = {}
    sent = cast(BinaryIO, BoundedStream(stream, MAX_ARCHIVE))
    try:
        with gzip.GzipFile(fileobj=sent) as gunzip:
            unpacked = cast(BinaryIO, BoundedStream(gunzip, MAX_ARCHIVE))
            with tarfile.open(fileobj=unpacked, mode="r|") as archive:
                for member in archive:
                    name = PurePosixPath(member.name).name
                    content = archive.extractfile(member) if member.isreg() else None
                    if name in names and name not in files and content:
                        files[name] = content.read(MAX_FILE)
                    if len(files) == len(names):
                        break
    except DAMAGE as error:
        raise FetchError(f"the archive is damaged or cut off ({error}): try again") from error
    return files


def install(files: Mapping[str, bytes], target: Path) -> None:
    """Write the files so that the folder `target`, absent or empty before, has all or none."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            shutil.rmtree(part, ignore_errors=True)  # what a killed run left
            try:
                part.mkdir()
                for name, content in files.items():
                    with (part / name).open("wb") as file:
                        file.write(content)
                        file.flush()
                        os.fsync(file.fileno())
                part.rename(target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except Timeout as error:
        raise FetchError(f"another process is writing {target}") from error
    except OSError as error:
        raise FetchError(f"cannot write {target}: {error.strerror}") from error


def main() -> None:
    """Run the command; a failure is one line and exit status 2."""
    parser = argparse.ArgumentParser(description="Fetch the Penn Treebank into data/ptb.")
    parser.add_argument("--source", default=PUBLIC_HOME, help="a folder or an http(s) address")
    default = Path(__file__).resolve().parent / "ptb"
    parser.add_argument("--target", type=Path, default=default, help="default: data/ptb")
    args = parser.parse_args()
    print(f"the Penn Treebank, from {args.source} to {args.target}", flush=True)
    try:
        fetched = fetch(args.target, args.source)
    except (FetchError, OSError) as error:
        # Parts of the message may come from a server: nothing of it shall steer the terminal.
        print("".join(c if c.isprintable() else "?" for c in str(error)), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    print("fetched, checksums right" if fetched else "is there already, checksums right")


if __name__ == "__main__":
    main()
