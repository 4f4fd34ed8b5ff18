"""Walking directories and archives without extracting anything: every regular file as a name and an open stream.

Names serve to find out whose log a file is and to tell people about it. Nothing is ever written to disk or opened by a
name that came out of an archive.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from integrations.kubernetes.files.limits import CountedReader, LimitExceededError, Limits, ReadBudget

READ_ERRORS = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
               NotImplementedError, RuntimeError)  # fmt: skip
"""What reading damaged or encrypted files and archives raises."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `stream` is open until the next entry is asked for; None with a `problem` says why it is not read."""

    name: str
    stream: BinaryIO | None
    problem: str = ""


def walk(path: Path, limits: Limits) -> Iterator[Entry]:
    """Yield what is in a directory, an archive or a single file. Raise OSError when the path cannot be opened."""
    budget = ReadBudget(limits.total_bytes)
    entries = _directory(path, budget) if path.is_dir() else _file(path, budget)
    for count, entry in enumerate(entries):
        if count >= limits.files:
            yield Entry(path.name, None, f"holds more than {limits.files} files, the rest was not read")
            return
        yield entry


def walk_stream(stream: BinaryIO, name: str, limits: Limits) -> Iterator[Entry]:
    """Yield what comes out of a stream that cannot be rewound, such as standard input: no archive."""
    yield Entry(name, io.BufferedReader(CountedReader(stream.read, ReadBudget(limits.total_bytes))))


def _directory(root: Path, budget: ReadBudget) -> Iterator[Entry]:
    inside = root.resolve()
    problems: list[Entry] = []

    def failed(error: OSError) -> None:
        problems.append(Entry(_relative(Path(str(error.filename)), root), None, error.strerror or "cannot be read"))

    for folder, folders, names in os.walk(root, onerror=failed):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            yield from _opened(path, _relative(path, root), inside, budget)
    yield from problems


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _opened(path: Path, name: str, inside: Path, budget: ReadBudget) -> Iterator[Entry]:
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(inside):
            yield Entry(name, None, "is a link to a place outside the directory and was not followed")
            return
        if not stat.S_ISREG(target.stat().st_mode):
            return
        with target.open("rb") as file:
            yield from _unpacked(name, file, budget)
    except (OSError, RuntimeError) as error:  # a link to itself is a RuntimeError
        yield Entry(name, None, getattr(error, "strerror", None) or "is a link to itself")


def _file(path: Path, budget: ReadBudget) -> Iterator[Entry]:
    with path.open("rb") as file:
        if _is_zip(file):
            yield from _zip(file, path.name, budget)
            return
        try:
            stream = _decompressed(file, budget)
            start = stream.peek(512)[:512]
        except READ_ERRORS as error:
            yield Entry(path.name, None, _sentence(error))
            return
        if _is_tar(start):
            yield from _tar(stream, path.name, budget)
        else:
            yield Entry(path.name.removesuffix(".gz"), stream)


def _unpacked(name: str, file: BinaryIO, budget: ReadBudget) -> Iterator[Entry]:
    """Yield a file of a tree; a compressed one as what it holds, an archive as a problem."""
    if _is_zip(file):
        yield Entry(name, None, "is an archive inside the tree and was not opened: read it on its own")
        return
    try:
        stream = _decompressed(file, budget)
        start = stream.peek(512)[:512]
    except READ_ERRORS as error:
        yield Entry(name, None, _sentence(error))
        return
    if _is_tar(start):
        yield Entry(name, None, "is an archive inside the tree and was not opened: read it on its own")
        return
    yield Entry(name.removesuffix(".gz"), stream)


def _decompressed(file: BinaryIO, budget: ReadBudget) -> io.BufferedReader:
    """Return the content of a file that may be compressed, counted against the budget."""
    start = file.read(6)
    file.seek(0)
    read = file.read
    if start.startswith(b"\x1f\x8b"):  # read1 gives what comes before the place where a file was cut off
        read = gzip.GzipFile(fileobj=file).read1
    elif start.startswith(b"BZh"):
        read = bz2.BZ2File(file).read1
    elif start.startswith(b"\xfd7zXZ\x00"):
        read = lzma.LZMAFile(file).read1  # noqa: SIM115 - closed with the file that it reads
    return io.BufferedReader(CountedReader(read, budget), 1024 * 1024)


def _is_zip(file: BinaryIO) -> bool:
    start = file.read(4)
    file.seek(0)
    return start in {b"PK\x03\x04", b"PK\x05\x06"}


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def _zip(file: BinaryIO, name: str, budget: ReadBudget) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(file)
    except READ_ERRORS as error:
        yield Entry(name, None, _sentence(error))
        return
    with archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if member.is_dir() or (mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}):
                continue
            if problem := _bad_name(member.filename):
                yield Entry(member.filename, None, problem)
                continue
            try:
                with archive.open(member) as content:
                    counted = io.BufferedReader(CountedReader(content.read, budget))
                    name_inside = member.filename.replace("\\", "/").removesuffix(".gz")  # as Windows packs it
                    yield Entry(name_inside, _inner(counted, budget))
            except READ_ERRORS as error:
                yield Entry(member.filename, None, _sentence(error))


def _tar(stream: io.BufferedReader, name: str, budget: ReadBudget) -> Iterator[Entry]:
    """Read in one pass, as it comes: links and devices are left out, sizes are counted while they are read."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if not member.isreg():
                    continue
                if problem := _bad_name(member.name):
                    yield Entry(member.name, None, problem)
                elif member.issparse():
                    yield Entry(member.name, None, "is a sparse file and was not read")
                elif content := archive.extractfile(member):
                    yield Entry(member.name.removesuffix(".gz"), _inner(content, budget))
    except READ_ERRORS as error:
        yield Entry(name, None, _sentence(error))


def _inner(stream: Any, budget: ReadBudget) -> BinaryIO:
    """Return what a compressed member holds (rotated logs are), else the member itself."""
    if stream.peek(2)[:2] == b"\x1f\x8b":
        return io.BufferedReader(CountedReader(gzip.GzipFile(fileobj=stream).read, budget))
    plain: BinaryIO = stream
    return plain


def _bad_name(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or "\x00" in name or parts[0].endswith(":"):
        return "has a name that points outside the archive and was not read"
    return ""


def _sentence(error: Exception) -> str:
    if isinstance(error, LimitExceededError):
        return str(error)
    if isinstance(error, RuntimeError) and "encrypted" in str(error):
        return "is encrypted"
    return f"is damaged: {error}" if str(error) else "is damaged"
