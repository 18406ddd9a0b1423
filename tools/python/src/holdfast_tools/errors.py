# SPDX-License-Identifier: Apache-2.0
"""What ends a command: one line on stderr that says what to do, and an exit code of sysexits.h."""

USAGE = 64
REFUSED = 65
NO_INPUT = 66
UNAVAILABLE = 69
WRONG_MODEL = 78


class ToolsError(Exception):
    """The text is for people."""

    exit_code = WRONG_MODEL

    def __init__(self, text: str, exit_code: int | None = None) -> None:
        super().__init__(text)
        if exit_code is not None:
            self.exit_code = exit_code
