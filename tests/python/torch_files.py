# SPDX-License-Identifier: Apache-2.0
"""Writes state dicts as torch.save does, in both formats, without torch."""

import collections
import contextlib
import io
import pickle
import sys
import types
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES = {"f4": "FloatStorage", "f2": "HalfStorage", "f8": "DoubleStorage", "i8": "LongStorage"}


@contextlib.contextmanager
def _pretended_torch():
    """Modules with torch's names, so that pickle can refer to them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_):
        raise AssertionError("only its name is pickled")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield torch, utils
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class Tensor:
    """An array as a view of a storage, optionally with strides or sizes that lie."""

    def __init__(self, array: np.ndarray, *, shape=None, strides=None, offset=0) -> None:
        # A transposed array keeps its memory order, as torch does.
        self.storage = np.ravel(array, order="K")
        self.shape = array.shape if shape is None else shape
        self.strides = strides or tuple(step // array.itemsize for step in array.strides)
        self.offset = offset


class _Pickler(pickle.Pickler):
    def __init__(self, file, torch, utils, legacy: bool) -> None:
        super().__init__(file, protocol=2)
        self._torch, self._utils, self._legacy = torch, utils, legacy
        self.storages: dict[str, np.ndarray] = {}

    def persistent_id(self, obj):
        if not isinstance(obj, np.ndarray):
            return None
        key = str(len(self.storages))
        self.storages[key] = obj
        kind = getattr(self._torch, STORAGES[obj.dtype.str[1:]])
        pid = ("storage", kind, key, "cpu", obj.size)
        return (*pid, None) if self._legacy else pid

    def reducer_override(self, obj):
        if not isinstance(obj, Tensor):
            return NotImplemented
        state = (obj.storage, obj.offset, obj.shape, obj.strides, False, collections.OrderedDict())
        return self._utils._rebuild_tensor_v2, state


def _pickled(root, legacy: bool) -> tuple[bytes, dict[str, np.ndarray]]:
    with _pretended_torch() as (torch, utils):
        file = io.BytesIO()
        pickler = _Pickler(file, torch, utils, legacy)
        pickler.dump(root)
        return file.getvalue(), pickler.storages


def archive(root) -> bytes:
    """The format of torch 1.6 and later."""
    content, storages = _pickled(root, legacy=False)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
        target.writestr("weights/data.pkl", content)
        target.writestr("weights/byteorder", "little")
        for key, storage in storages.items():
            target.writestr(f"weights/data/{key}", storage.tobytes())
        target.writestr("weights/version", "3\n")
    return file.getvalue()


def stream(root) -> bytes:
    """The format of before."""
    content, storages = _pickled(root, legacy=True)
    system = {"protocol_version": PROTOCOL, "little_endian": True,
              "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(pickle.dumps(part, protocol=2) for part in (MAGIC, PROTOCOL, system))
    tail = pickle.dumps(list(storages), protocol=2)
    for storage in storages.values():
        tail += storage.size.to_bytes(8, "little") + storage.tobytes()
    return head + content + tail


def state_dict(arrays: dict[str, np.ndarray]) -> collections.OrderedDict:
    return collections.OrderedDict((name, Tensor(array)) for name, array in arrays.items())
