# SPDX-License-Identifier: Apache-2.0
"""The source bundle of Elastic Beanstalk: a zip with the image's name filled in."""

import hashlib
import pathlib
import zipfile

PLACEHOLDER = "IMAGE_URI"
EPOCH = (1980, 1, 1, 0, 0, 0)  # The same content gives the same file.


def write(folder: pathlib.Path, image: str, output: pathlib.Path) -> str:
    """Packs `folder`, without a parent folder; gives the SHA-256 of the zip."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if file.stat().st_mode & 0o100 else 0o100644) << 16
            archive.writestr(entry, file.read_text().replace(PLACEHOLDER, image))
    return hashlib.sha256(output.read_bytes()).hexdigest()
