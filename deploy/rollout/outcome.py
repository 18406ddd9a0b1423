# SPDX-License-Identifier: Apache-2.0
"""How a rollout can end, and what it says about it."""

import enum


class Outcome(enum.IntEnum):
    """The exit code of the command."""

    SERVES = 0  # The new configuration serves, and knows the golden photos.
    ROLLED_BACK = 1  # It does not; what served before serves again.
    NEEDS_A_PERSON = 2  # Neither is certain: somebody must look.
    WRONG_USE = 64
    REFUSED = 65  # Nothing has been changed: what was asked for cannot work.
    NO_ANSWER = 69  # AWS did not answer, or does not permit it. Nothing has been changed.


class Refused(Exception):
    """Why nothing was begun."""


class Mismatch(Exception):
    """A golden photo came out wrong: the model is bad."""


class Silent(Exception):
    """The endpoint gave no answer to a golden photo."""


def report(text: str) -> None:
    """One line for whoever watches, at once."""
    print(text, flush=True)
