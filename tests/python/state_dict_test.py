# SPDX-License-Identifier: Apache-2.0
"""holdfast_tools/state_dict.py reads what torch writes, and runs nothing that a file brings along."""

import collections
import os
import pickle

import numpy as np
import pytest

from holdfast_tools.state_dict import StateDictError, parse_state_dict
from tests.python import torch_files

FORMATS = pytest.mark.parametrize("save", [torch_files.archive, torch_files.stream])


def some_arrays():
    generator = np.random.default_rng(7)
    return {
        "conv.weight": generator.normal(size=(4, 3, 2, 2)).astype(np.float32),
        "bn.bias": np.arange(4, dtype=np.float32),
        "bn.num_batches_tracked": np.array(12, np.int64),
    }


@FORMATS
def test_reads_every_tensor_of_either_format(save):
    arrays = some_arrays()
    read = parse_state_dict(save(torch_files.state_dict(arrays)))
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)


@FORMATS
def test_follows_the_strides_of_a_permuted_view(save):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    read = parse_state_dict(save({"w": torch_files.Tensor(array)}))
    np.testing.assert_array_equal(read["w"], array)


@FORMATS
@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_turns_other_precisions_into_float32(save, kind):
    array = np.array([0.5, -1.25, 3.0], kind)
    read = parse_state_dict(save({"w": torch_files.Tensor(array)}))
    assert read["w"].dtype == np.float32
    np.testing.assert_array_equal(read["w"], array.astype(np.float32))


@FORMATS
def test_takes_the_prefix_of_data_parallel_away(save):
    arrays = {f"module.{name}": array for name, array in some_arrays().items()}
    assert list(parse_state_dict(save(torch_files.state_dict(arrays)))) == list(some_arrays())


@FORMATS
def test_finds_the_state_dict_in_a_training_checkpoint(save):
    root = {"epoch": 90, "state_dict": torch_files.state_dict(some_arrays())}
    assert list(parse_state_dict(save(root))) == list(some_arrays())


def test_keeps_the_attribute_that_torch_puts_on_a_state_dict():
    root = torch_files.state_dict(some_arrays())
    root._metadata = collections.OrderedDict(version=1)
    assert list(parse_state_dict(torch_files.archive(root))) == list(some_arrays())


class RunsOnLoad:
    def __init__(self, marker) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@FORMATS
def test_refuses_a_pickle_that_calls_a_function(save, tmp_path):
    marker = tmp_path / "was-run"
    with pytest.raises(StateDictError, match="mkdir"):
        parse_state_dict(save({"w": RunsOnLoad(marker)}))
    assert not marker.exists()


def test_refuses_a_bare_pickle():
    with pytest.raises(StateDictError):
        parse_state_dict(pickle.dumps({"w": [1.0, 2.0]}))


@FORMATS
@pytest.mark.parametrize(
    "lie",
    [
        {"shape": (5,), "strides": (1,)},
        {"shape": (2, 2), "strides": (1, 3)},
        {"shape": (4,), "strides": (1,), "offset": 1},
        {"shape": (4,), "strides": (1,), "offset": -4},
        {"shape": (1 << 20, 1 << 20), "strides": (0, 0)},
        {"shape": (2, 2), "strides": (1,)},
    ],
)
def test_refuses_a_tensor_that_reaches_outside_its_storage(save, lie):
    tensor = torch_files.Tensor(np.zeros(4, np.float32), **lie)
    with pytest.raises(StateDictError):
        parse_state_dict(save({"w": tensor}))


@FORMATS
def test_refuses_every_cut_file(save):
    whole = save(torch_files.state_dict(some_arrays()))
    for length in range(0, len(whole) - 1, 37):
        with pytest.raises(StateDictError):
            parse_state_dict(whole[:length])


@FORMATS
def test_refuses_a_file_without_tensors(save):
    with pytest.raises(StateDictError, match="no tensors"):
        parse_state_dict(save({"epoch": 3}))
