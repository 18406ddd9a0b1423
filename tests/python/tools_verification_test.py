# SPDX-License-Identifier: Apache-2.0
"""holdfast_tools/verification.py: what is counted, and when a conversion is refused."""

import pathlib

import numpy as np
import pytest

from holdfast_tools.photos import Photo
from holdfast_tools.verification import Limits, report


def rows(*classes):
    return np.eye(3)[list(classes)] * 0.8 + 0.1


def photos(*truths):
    return [Photo(pathlib.Path(f"{index}.jpg"), truth) for index, truth in enumerate(truths)]


def test_counts_agreement_and_accuracy_of_the_labelled_photos():
    made = report(photos(0, 1, None, 2), rows(0, 1, 2, 2), rows(0, 2, 1, 2))
    assert made.agreement_percent == 50.0
    assert made.labelled == 3
    assert made.original_accuracy_percent == 100.0
    assert made.accuracy_percent == pytest.approx(200 / 3)
    assert made.loss_points == pytest.approx(100 / 3)
    assert made.score_difference == pytest.approx(0.4)


def test_accuracy_is_not_made_up_where_nothing_is_labelled():
    made = report(photos(None, None), rows(0, 1), rows(0, 1))
    assert made.accuracy_percent is None and made.loss_points is None
    assert made.objections(Limits()) == []


@pytest.mark.parametrize(("limits", "words"), [
    (Limits(loss_points=0.0, disagreement_percent=25.0), ["points"]),
    (Limits(loss_points=25.0, disagreement_percent=24.9), ["another class"]),
    (Limits(loss_points=25.0, disagreement_percent=25.0), []),
    (Limits(), ["points", "another class"]),
])
def test_objects_to_what_is_above_a_limit_and_not_to_what_is_at_it(limits, words):
    made = report(photos(0, 1, 2, 2), rows(0, 1, 2, 2), rows(0, 1, 2, 1))
    objections = made.objections(limits)
    assert len(objections) == len(words)
    assert all(word in objection for word, objection in zip(words, objections))


def test_a_gain_in_accuracy_is_no_loss():
    made = report(photos(0, 1, 2, 2), rows(0, 1, 2, 1), rows(0, 1, 2, 2))
    assert made.objections(Limits(disagreement_percent=25.0)) == []
