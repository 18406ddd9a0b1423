# SPDX-License-Identifier: Apache-2.0
"""Puts OpenVINO's headers and libraries into a folder: python -m tools.dev.openvino_sdk DIR

The PyPI wheel is a whole C++ SDK. Of its libraries only those are unpacked that serve on the CPU:
the core, the CPU plugin, the readers of four formats, and oneTBB.
"""

import pathlib
import re
import sys
import tempfile
import zipfile

from tools.dev import downloads

VERSION = "2026.4.1"
ARCHITECTURES = ("x86_64", "aarch64")
# The lowest glibc that the wheels of each architecture ask for.
GLIBC = {"x86_64": "2_28", "aarch64": "2_35"}
WANTED = re.compile(
    r"openvino/(?P<path>include/.*[^/]"
    r"|libs/libopenvino\.so\.\d+"
    r"|libs/libopenvino_(intel|arm)_cpu_plugin\.so"
    r"|libs/libopenvino_(ir|onnx|tensorflow|tensorflow_lite)_frontend\.so\.\d+"
    r"|libs/libtbb\.so\.12)"
    r"|openvino-[^/]*/licenses/(?P<licence>.*[^/])"
)


def is_complete(folder: pathlib.Path, arch: str) -> bool:
    """Judged by content, so that neither a stale stamp nor a half-made folder passes."""
    name = f"openvino-{VERSION}-{arch}"
    return folder.is_dir() and downloads.tree_digest(folder) == downloads.expected_digest(name)


def unpack(wheel: pathlib.Path, target: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            wanted = WANTED.fullmatch(member)
            if wanted is None:
                continue
            path = wanted["path"] or "licenses/" + wanted["licence"]
            file = target / path.replace("libs/", "lib/", 1)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(member))


def install(folder: pathlib.Path, arch: str) -> None:
    options = ["--only-binary=:all:", "--python-version", "3.11"]
    options += ["--platform", f"manylinux_{GLIBC[arch]}_{arch}"]
    name = f"openvino-{VERSION}-{arch}"
    wheel = downloads.cached_wheel("openvino", VERSION, f"{name}.whl", options)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        staged = pathlib.Path(temporary) / "sdk"
        unpack(wheel, staged)
        downloads.require_digest(name, downloads.tree_digest(staged))
        downloads.replace_folder(staged, folder)


if __name__ == "__main__":
    sys.exit(downloads.run_installer(f"OpenVINO {VERSION}", __doc__, ARCHITECTURES, is_complete,
                                     install))
