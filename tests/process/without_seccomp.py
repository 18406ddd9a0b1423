# SPDX-License-Identifier: Apache-2.0
"""Runs a command to which the kernel refuses seccomp, as an old kernel or a runtime's profile does.

A filter of our own does it: what asks for another one afterwards gets EPERM.
"""

import ctypes
import errno
import os
import sys

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
EQUALS = 4
PR_SET_SECCOMP = 22


class Argument(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("datum_a", ctypes.c_uint64),
                ("datum_b", ctypes.c_uint64)]


def refuse_seccomp():
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    by_prctl = Argument(0, EQUALS, PR_SET_SECCOMP, 0)
    for name, count, condition in ((b"seccomp", 0, None), (b"prctl", 1, ctypes.byref(by_prctl))):
        number = library.seccomp_syscall_resolve_name(name)
        added = library.seccomp_rule_add_array(context, ctypes.c_uint32(REFUSE), number,
                                               ctypes.c_uint(count), condition)
        assert added == 0, os.strerror(-added)
    loaded = library.seccomp_load(context)
    assert loaded == 0, os.strerror(-loaded)


if __name__ == "__main__":
    refuse_seccomp()
    os.execvp(sys.argv[1], sys.argv[1:])
