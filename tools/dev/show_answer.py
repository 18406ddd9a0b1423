# SPDX-License-Identifier: Apache-2.0
"""Prints an answer of /classify for people: show_answer FILE STATUS SECONDS"""

import json
import pathlib
import sys

BAR_WIDTH = 24


def render(answer: dict) -> list[str]:
    lines = []
    for prediction in answer["predictions"]:
        probability = float(prediction["probability"])
        bar = "█" * round(probability * BAR_WIDTH)
        lines.append(f"    {probability:7.1%}  {bar:<{BAR_WIDTH}}  {prediction['label']}")
    return lines


def main() -> int:
    file, status, seconds = sys.argv[1:4]
    text = pathlib.Path(file).read_text() if pathlib.Path(file).is_file() else ""
    if status != "200":
        print(f"    answered {status}: {text[:500]}", file=sys.stderr)
        return 1
    print("\n".join(render(json.loads(text))))
    print(f"    answered {status} in {float(seconds) * 1000:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
