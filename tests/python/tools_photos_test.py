# SPDX-License-Identifier: Apache-2.0
"""holdfast_tools/photos.py: which photos there are, what they show, and how they are halved."""

import pytest

from holdfast_tools import photos
from holdfast_tools.errors import ToolsError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_labels_tsv_says_classes_by_number_or_label(tmp_path):
    touch(tmp_path, "a.jpg", "b.PNG", "c.jpeg", "notes.txt")
    (tmp_path / "labels.tsv").write_text("file\tclass\na.jpg\t1\nb.PNG\tcat\n")
    read = photos.read(tmp_path, ["cat", "dog"])
    assert [(photo.path.name, photo.truth) for photo in read] == [
        ("a.jpg", 1), ("b.PNG", 0), ("c.jpeg", None)]


def test_folders_named_like_labels_say_the_class(tmp_path):
    touch(tmp_path, "dog/a.jpg", "0/b.jpg", "others/c.jpg", "d.jpg")
    found = {photo.path.name: photo.truth for photo in photos.read(tmp_path, ["cat", "dog"])}
    assert found == {"a.jpg": 1, "b.jpg": 0, "c.jpg": None, "d.jpg": None}


def test_the_halves_share_no_photo_and_exchange(tmp_path):
    touch(tmp_path, *(f"{number}.jpg" for number in range(5)))
    read = photos.read(tmp_path)
    first, second = photos.halves(read, 1)
    assert len(first) == 3 and sorted([*first, *second], key=str) == sorted(read, key=str)
    assert photos.halves(read, 2) == (second, first)


def test_refuses_what_cannot_be_halved_or_read(tmp_path):
    with pytest.raises(ToolsError, match="there is no folder"):
        photos.read(tmp_path / "none")
    with pytest.raises(ToolsError, match="no photos"):
        photos.read(tmp_path)
    touch(tmp_path, "a.jpg")
    with pytest.raises(ToolsError, match="one photo"):
        photos.halves(photos.read(tmp_path), 1)
    (tmp_path / "labels.tsv").write_text("a.jpg\tbird\n")
    with pytest.raises(ToolsError, match="labels.tsv:1"):
        photos.read(tmp_path, ["cat"])
