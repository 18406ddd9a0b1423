# SPDX-License-Identifier: Apache-2.0
"""Stages what the image adds to its base: python -m tools.dev.image_files TARGET --version V

TARGET becomes the image's root: the executables in usr/local/bin, the inference libraries in
usr/local/lib, Debian's shared libraries where Debian has them, licences, and the list of it all
(usr/share/holdfast/sbom.spdx.json). var/lib/dpkg/status.d tells scanners the Debian packages.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

from tools.dev import sbom

RELEASE = pathlib.Path("build/release")
EXECUTABLES = ("holdfast", "holdfast-gateway", "holdfast-worker", "holdfast-mirror")
# Whom holdfast-mirror believes that it speaks with S3.
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
OPENVINO = re.compile(r"libholdfast_openvino|libopenvino|libtbb")
# Of the base, together with the loader: two copies of them would not fit each other.
OF_THE_BASE = {"libc6", "libgcc-s1", "libstdc++6"}


class StagingError(Exception):
    """Says what is missing, and what to do."""


def own_files(openvino: bool) -> dict[pathlib.Path, str]:
    """Built file -> place in the image. The executables look for libraries in ../lib."""
    files = {RELEASE / "bin" / name: f"usr/local/bin/{name}" for name in EXECUTABLES}
    files[AUTHORITIES] = str(AUTHORITIES.relative_to("/"))
    for library in sorted((RELEASE / "lib").glob("*.so*")):
        if openvino or not OPENVINO.match(library.name):
            files[library] = f"usr/local/lib/{library.name}"
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise StagingError(f"{', '.join(missing)} missing: ./dev build makes them")
    return files


def needed_libraries(files) -> set[pathlib.Path]:
    """What ldd says the files want outside of the build folder."""
    found = set()
    for file in files:
        text = subprocess.run(["ldd", file], check=True, capture_output=True, text=True).stdout
        if "not found" in text:
            raise StagingError(f"{file} wants libraries that are not here:\n{text}")
        found |= {pathlib.Path(path) for path in re.findall(r"=> (/\S+)", text)}
    build = RELEASE.resolve()
    return {path for path in found if build not in path.resolve().parents}


def packages_of(libraries) -> dict[pathlib.Path, str]:
    """The Debian package of each library; some list their files without the /usr of today."""
    names = {name: library for library in libraries
             for path in (library, library.resolve())
             for name in (str(path), str(path).removeprefix("/usr"), f"/usr{path}")}
    # It exits with 1 where one name is of no package, as most of the forms are not.
    text = subprocess.run(["dpkg-query", "--search", *names], capture_output=True, text=True,
                          check=False).stdout
    lines = (line.split(": ", 1) for line in text.splitlines() if ": /" in line)
    found = {names[name]: package for package, name in lines if name in names}
    if strays := sorted(str(library) for library in set(libraries) - set(found)):
        raise StagingError(f"of no Debian package: {', '.join(strays)}")
    return found


def copy_library(library: pathlib.Path, target: pathlib.Path) -> None:
    """The file under its real name, and the name that the loader looks for as a link to it."""
    real = library.resolve()
    place = target / real.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(real, place)
    place.chmod(0o644)
    link = place.with_name(library.name)
    if link != place:
        link.symlink_to(place.name)


def describe(package: str, target: pathlib.Path) -> dict:
    """Copies a package's licence and dpkg's words about it; returns its row of the SBOM."""
    keys = "Package", "Version", "Architecture", "source:Package"
    text = subprocess.run(["dpkg-query", "--show",
                           "--showformat=" + r"\t".join(f"${{{key}}}" for key in keys), package],
                          check=True, capture_output=True, text=True).stdout
    row = dict(zip(("name", "version", "arch", "source"), text.split("\t"), strict=True))
    licence = pathlib.Path("usr/share/doc") / row["name"] / "copyright"
    (target / licence).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile("/" / licence, target / licence)
    status = target / "var/lib/dpkg/status.d" / row["name"]
    status.parent.mkdir(parents=True, exist_ok=True)
    status.write_bytes(subprocess.run(["dpkg-query", "--status", package], check=True,
                                      capture_output=True).stdout)
    return row


def copy_licences(target: pathlib.Path, openvino: bool) -> None:
    licences = target / "usr/share/doc/holdfast"
    licences.mkdir(parents=True)
    shutil.copyfile("LICENSE", licences / "LICENSE")
    deps = pathlib.Path("build/deps")
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        (licences / "onnxruntime").mkdir(exist_ok=True)
        shutil.copyfile(deps / "onnxruntime/lib" / name, licences / "onnxruntime" / name)
    if openvino:
        shutil.copytree(deps / "openvino/licenses", licences / "openvino")


def stage(target: pathlib.Path, *, version: str, revision: str, openvino: bool) -> None:
    """Makes `target` anew."""
    files = own_files(openvino)
    libraries = packages_of(needed_libraries(files.keys() - {AUTHORITIES}))
    shutil.rmtree(target, ignore_errors=True)
    for file, place in files.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / place)
        (target / place).chmod(0o755 if "/bin/" in place else 0o644)
    packages = set()
    for library, package in sorted(libraries.items()):
        if package.split(":")[0] not in OF_THE_BASE:
            copy_library(library, target)
            packages.add(package)
    copy_licences(target, openvino)
    facts = {"version": version, "revision": revision, "arch": platform.machine(),
             "created": int(os.environ.get("SOURCE_DATE_EPOCH") or time.time()),
             "openvino": openvino, "debian": [describe(each, target) for each in sorted(packages)]}
    place = target / "usr/share/holdfast/sbom.spdx.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(sbom.document(facts), indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", default="unknown", help="of the sources: a commit")
    parser.add_argument("--without-openvino", action="store_true")
    arguments = parser.parse_args()
    os.umask(0o022)
    try:
        stage(arguments.target, version=arguments.version, revision=arguments.revision,
              openvino=not arguments.without_openvino)
    except StagingError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
