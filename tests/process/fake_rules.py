# SPDX-License-Identifier: Apache-2.0
"""What a fake model is told to do at some pictures and not at others."""

GOOD, BAD = 2, 7  # Classes: what is done to the one is not done to the other.


def rule(what, label=BAD, **more):
    """A rule of fake.toml for the pictures of one class, or of all if `label` is None."""
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    fits = "" if label is None else f"class = {label}\n"
    return f'[[on]]\n{fits}do = "{what}"\n{lines}'
