# SPDX-License-Identifier: Apache-2.0
"""Reads a PyTorch state dict (.pth) without PyTorch.

Both formats are read: the zip archive of torch 1.6 and later, and the older stream of pickles. A
pickle is a program, so the unpickler knows the few names that a state dict needs and refuses all
others, and no tensor may reach outside the storage that the file holds for it.
"""

import collections
import dataclasses
import io
import math
import pathlib
import pickle
import zipfile
from typing import Any, BinaryIO

import numpy as np

from holdfast_tools.errors import ToolsError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
FILE_BYTES_MAX = 4 << 30
DIMENSIONS_MAX = 8

# bfloat16 is absent on purpose: numpy has no such type, and no ImageNet checkpoint uses it.
_STORAGE_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


class StateDictError(ToolsError):
    """The file is not a state dict that can be used; the text says why."""


@dataclasses.dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype
    count: int


@dataclasses.dataclass(frozen=True)
class _TensorView:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_ignored: Any) -> _TensorView:
    if not isinstance(storage, _Storage):
        raise StateDictError("a tensor without a storage")
    return _TensorView(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: _TensorView, *_ignored: Any) -> _TensorView:
    return tensor


class _Unpickler(pickle.Unpickler):
    """Loads names, numbers, dictionaries and tensors; runs nothing that a file brings along."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if module == "torch" and name in _STORAGE_TYPES:
            return np.dtype(_STORAGE_TYPES[name])
        raise StateDictError(
            f"the file asks for {module}.{name}, which no state dict needs; a whole pickled model "
            "is not read: save model.state_dict() instead"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        # ("storage", type, key, device, element count[, view]); views ended with torch 0.4.
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise StateDictError("an object outside the file is referred to")
        if len(pid) > 5 and pid[5] is not None:
            raise StateDictError("a storage that is a view of another; save it again with torch")
        storage = _Storage(str(pid[2]), pid[1], pid[4])
        if not isinstance(storage.dtype, np.dtype) or not _is_size(storage.count):
            raise StateDictError("a storage without a type or a size")
        if self.storages.setdefault(storage.key, storage) != storage:
            raise StateDictError(f"storage {storage.key} is described twice, differently")
        return storage


def read_state_dict(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The tensors by name, floating-point ones as float32; a leading "module." is taken away."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise StateDictError(f"{path.name} is larger than {FILE_BYTES_MAX >> 30} GiB")
    return parse_state_dict(path.read_bytes())


def parse_state_dict(raw: bytes) -> dict[str, np.ndarray]:
    try:
        if raw.startswith(b"PK"):
            root, storages = _parse_archive(raw)
        else:
            root, storages = _parse_stream(raw)
    except StateDictError:
        raise
    except Exception as error:  # Foreign bytes can make a pickle or zip reader raise anything.
        raise StateDictError(f"not a PyTorch state dict ({error or type(error).__name__})") from error
    views = {name: value for name, value in _unwrap(root).items() if isinstance(value, _TensorView)}
    if not views:
        raise StateDictError("there are no tensors in the file")
    arrays = {name: _array(name, view, storages) for name, view in views.items()}
    return _without_prefix(arrays)


def _parse_archive(raw: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = set(archive.namelist())
        pickles = [name for name in names if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise StateDictError("a zip archive, but not one that torch.save wrote")
        prefix = pickles[0].removesuffix("data.pkl")
        if prefix + "constants.pkl" in names:
            raise StateDictError("a TorchScript program, not a state dict")
        if sum(entry.file_size for entry in archive.infolist()) > FILE_BYTES_MAX:
            raise StateDictError(f"unpacks to more than {FILE_BYTES_MAX >> 30} GiB")
        if prefix + "byteorder" in names and archive.read(prefix + "byteorder") != b"little":
            raise StateDictError("written on a big-endian machine; save it again on another")
        unpickler = _Unpickler(io.BytesIO(archive.read(pickles[0])))
        root = unpickler.load()
        storages = {
            key: _storage_content(storage, archive.read(f"{prefix}data/{key}"))
            for key, storage in unpickler.storages.items()
        }
    return root, storages


def _parse_stream(raw: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    # stream := magic protocol system root [key…] (count:u64 elements)…, the first five as pickles.
    file = io.BytesIO(raw)
    if _Unpickler(file).load() != LEGACY_MAGIC:
        raise StateDictError("not a PyTorch state dict (no torch magic number)")
    _Unpickler(file).load()
    system = _Unpickler(file).load()
    if isinstance(system, dict) and not system.get("little_endian", True):
        raise StateDictError("written on a big-endian machine; save it again on another")
    unpickler = _Unpickler(file)
    root = unpickler.load()
    storages = {}
    for key in _Unpickler(file).load():
        storage = unpickler.storages[key]
        if int.from_bytes(file.read(8), "little") != storage.count:
            raise StateDictError(f"storage {key} has another size than its description")
        storages[key] = _storage_content(storage, file.read(storage.count * storage.dtype.itemsize))
    return root, storages


def _storage_content(storage: _Storage, content: bytes) -> np.ndarray:
    if len(content) != storage.count * storage.dtype.itemsize:
        raise StateDictError(f"storage {storage.key} is cut short")
    return np.frombuffer(content, storage.dtype)


def _unwrap(root: Any) -> dict[str, Any]:
    """Training scripts put the state dict beside an optimizer's state; it is found there."""
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(root, dict) and isinstance(root.get(key), dict):
            root = root[key]
    if not isinstance(root, dict) or not all(isinstance(name, str) for name in root):
        raise StateDictError("the file holds no dictionary of named tensors")
    return root


def _array(name: str, view: _TensorView, storages: dict[str, np.ndarray]) -> np.ndarray:
    sizes = (view.offset, *view.shape, *view.strides)
    if len(view.shape) != len(view.strides) or not all(_is_size(size) for size in sizes):
        raise StateDictError(f"{name} has a shape that is none")
    storage = storages[view.storage.key]
    count = math.prod(view.shape)
    last = view.offset + sum((n - 1) * s for n, s in zip(view.shape, view.strides))
    # Repeated elements (stride 0) could make a small file ask for any amount of memory.
    if len(view.shape) > DIMENSIONS_MAX or count > storage.size:
        raise StateDictError(f"{name} is larger than what the file holds for it")
    if count > 0 and last >= storage.size:
        raise StateDictError(f"{name} reaches outside its storage")
    if count == 0:
        array = np.zeros(view.shape, storage.dtype)
    else:
        # Weights converted from TensorFlow are permuted views: the strides count.
        bytes_per = storage.itemsize
        array = np.lib.stride_tricks.as_strided(
            storage[view.offset :], view.shape, [stride * bytes_per for stride in view.strides]
        )
    return array.astype(np.float32) if array.dtype.kind == "f" else array.copy()


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= FILE_BYTES_MAX


def _without_prefix(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    # DataParallel names everything module.X.
    if all(name.startswith("module.") for name in arrays):
        return {name.removeprefix("module."): array for name, array in arrays.items()}
    return arrays
