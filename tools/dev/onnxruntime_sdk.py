# SPDX-License-Identifier: Apache-2.0
"""Puts ONNX Runtime's headers and library into a folder: python -m tools.dev.onnxruntime_sdk DIR

The library comes from the PyPI wheel, which has no headers; the headers come from Debian trixie's
libonnxruntime-dev, downloaded through an apt state of its own and unpacked, never installed.
Older headers with a newer library are the direction that ONNX Runtime supports. 1.28.0 is the last
version whose Linux builds start no telemetry thread: a zygote must have one thread.
"""

import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from tools.dev import downloads

VERSION = "1.28.0"
HEADER_SUITE = "trixie"
HEADERS_NAME = "onnxruntime-headers"
ARCHITECTURES = ("x86_64", "aarch64")


def is_complete(folder: pathlib.Path, arch: str) -> bool:
    """Judged by content, so that neither a stale stamp nor a half-made folder passes."""
    library = folder / "lib" / f"libonnxruntime.so.{VERSION}"
    links = [folder / "lib" / name for name in ("libonnxruntime.so", "libonnxruntime.so.1")]
    return (
        library.is_file()
        and all(link.exists() for link in links)
        and downloads.file_digest(library)
        == downloads.expected_digest(f"libonnxruntime-{VERSION}-{arch}.so")
        and downloads.tree_digest(folder / "include") == downloads.expected_digest(HEADERS_NAME)
    )


def unpack_library(arch: str, target: pathlib.Path) -> None:
    options = ["--only-binary=:all:", "--python-version", "3.12"]
    for glibc in ("2_27", "2_28"):
        options += ["--platform", f"manylinux_{glibc}_{arch}"]
    name = f"onnxruntime-{VERSION}-{arch}.whl"
    wheel = downloads.cached_wheel("onnxruntime", VERSION, name, options)
    target.mkdir(parents=True)
    library = target / f"libonnxruntime.so.{VERSION}"
    with zipfile.ZipFile(wheel) as archive:
        library.write_bytes(archive.read(f"onnxruntime/capi/{library.name}"))
        for licence in ("LICENSE", "ThirdPartyNotices.txt"):
            (target / licence).write_bytes(archive.read(f"onnxruntime/{licence}"))
    library.chmod(0o755)
    downloads.require_digest(f"libonnxruntime-{VERSION}-{arch}.so", downloads.file_digest(library))
    for link in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (target / link).symlink_to(library.name)


def header_suite_sources(lists: dict[str, str], suite: str) -> str:
    """One-line apt sources for `suite`, from the machine's own Debian sources.

    `lists` maps file names to their text, in either of apt's formats. Security and third-party
    sources are left out.
    """
    found = []
    for name, text in sorted(lists.items()):
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        if name.endswith(".sources"):
            found += _deb822_sources(text)
        else:
            found += _one_line_sources(text)
    uris = {uri: options for uri, options in reversed(found) if "security" not in uri}
    return "".join(f"deb {options}{uri} {suite} main\n" for uri, options in uris.items())


def _deb822_sources(text: str) -> list[tuple[str, str]]:
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        suites = fields.get("Suites", "").split()
        if "deb" not in fields.get("Types", "").split() or not _is_debian(suites):
            continue
        key = fields.get("Signed-By", "").strip()
        options = f"[signed-by={key}] " if key.startswith("/") else ""
        found += [(uri, options) for uri in fields.get("URIs", "").split()]
    return found


def _one_line_sources(text: str) -> list[tuple[str, str]]:
    pattern = r"^deb[ \t]+(\[[^\]]*\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+(.*)$"
    lines = re.findall(pattern, text, re.MULTILINE)
    return [(uri, options) for options, uri, suite, parts in lines
            if _is_debian([suite]) and "main" in parts.split()]


def _is_debian(suites: list[str]) -> bool:
    return any(suite in ("bookworm", "stable", "oldstable", "trixie") for suite in suites)


def machine_sources() -> dict[str, str]:
    folder = pathlib.Path("/etc/apt")
    files = [folder / "sources.list", *(folder / "sources.list.d").glob("*.list")]
    files += (folder / "sources.list.d").glob("*.sources")
    return {str(file): file.read_text() for file in files if file.is_file()}


def download_headers(scratch: pathlib.Path) -> pathlib.Path:
    """The .deb with the headers, fetched without touching the machine's own apt state."""
    sources = header_suite_sources(machine_sources(), HEADER_SUITE)
    if not sources:
        raise downloads.DownloadError(
            "no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: "
            f"the headers come from the mirror's suite {HEADER_SUITE}"
        )
    for folder in ("lists/partial", "cache/archives/partial", "empty"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "sources.list").write_text(sources)
    settings = {
        "Dir::Etc::sourcelist": scratch / "sources.list",
        "Dir::Etc::sourceparts": scratch / "empty",
        "Dir::Etc::preferencesparts": scratch / "empty",
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",  # The sandbox user cannot write to a private folder.
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", "-qq"]
    for key, value in settings.items():
        apt += ["-o", f"{key}={value}"]
    for arguments in (["update"], ["download", "libonnxruntime-dev"]):
        done = subprocess.run(apt + arguments, cwd=scratch, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise downloads.DownloadError(
                f"apt-get {arguments[0]} for Debian {HEADER_SUITE} ended with {done.returncode}: "
                "check the network and the mirror in /etc/apt"
            )
    return next(scratch.glob("libonnxruntime-dev_*.deb"))


def unpack_headers(target: pathlib.Path) -> None:
    cached = downloads.cache_folder() / f"libonnxruntime-dev-{platform.machine()}.deb"
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        scratch = pathlib.Path(temporary)
        include = scratch / "deb" / "usr" / "include" / "onnxruntime"
        for source in ("cache", "mirror"):
            package = cached if source == "cache" else download_headers(scratch)
            if not package.is_file():
                continue
            shutil.rmtree(scratch / "deb", ignore_errors=True)
            done = subprocess.run(["dpkg-deb", "-x", package, scratch / "deb"], check=False)
            actual = downloads.tree_digest(include) if done.returncode == 0 else "unreadable"
            if actual == downloads.expected_digest(HEADERS_NAME):
                break
        downloads.require_digest(HEADERS_NAME, actual)
        if package != cached:
            cached.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package, cached)
        include.rename(target)


def install(folder: pathlib.Path, arch: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        staged = pathlib.Path(temporary) / "sdk"
        unpack_library(arch, staged / "lib")
        unpack_headers(staged / "include")
        downloads.replace_folder(staged, folder)


if __name__ == "__main__":
    sys.exit(downloads.run_installer(f"ONNX Runtime {VERSION}", __doc__, ARCHITECTURES, is_complete,
                                     install))
