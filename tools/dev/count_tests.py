# SPDX-License-Identifier: Apache-2.0
"""Prints one line with the outcome of all JUnit files in a folder."""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def count(folder: pathlib.Path) -> tuple[int, int, int]:
    """How many test cases passed, failed and were skipped."""
    passed = failed = skipped = 0
    for file in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


def main() -> None:
    passed, failed, skipped = count(pathlib.Path(sys.argv[1]))
    if passed + failed + skipped > 0:
        tail = f", {skipped} skipped" if skipped else ""
        print(f"test: {passed} passed, {failed} failed{tail}")


if __name__ == "__main__":
    main()
