"""The functions of the C interface, called as C would: any number and any address may be given.

Cython puts them into the module as capsules, whose names are the signatures; `c_interface.pxd` says
what they do.
"""

import ctypes
from functools import cache
from typing import Any

from ae_core import c_interface

OK, NO_MEMORY, NULL_POINTER, BAD_SIZE, BAD_VALUE, INTERRUPTED, FAILED, NOT_OFFERED = range(
    0, -8, -1
)
ABI_VERSION = 1

_MODEL, _ROWS, _NUMBERS = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p
_HANDLE_OF = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)  # raises, so it keeps the GIL
_SIZE_OF = ctypes.CFUNCTYPE(ctypes.c_ssize_t, _MODEL)
_TEXT_OF = ctypes.CFUNCTYPE(ctypes.c_char_p, _MODEL, ctypes.c_ssize_t)
_WORK = ctypes.CFUNCTYPE(ctypes.c_int, _MODEL, _ROWS, _NUMBERS, _NUMBERS)
_LOSS = ctypes.CFUNCTYPE(ctypes.c_int, _MODEL, _ROWS, _NUMBERS, _NUMBERS, _NUMBERS)

SIGNATURES = {
    "ae_abi_version": ("int (void)", ctypes.CFUNCTYPE(ctypes.c_int)),
    "ae_check_abi": ("int (int)", ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)),
    "ae_load": ("ae_model *(PyObject *)", _HANDLE_OF),
    "ae_from_estimator": ("ae_model *(PyObject *)", _HANDLE_OF),
    "ae_from_network": ("ae_model *(PyObject *)", _HANDLE_OF),
    "ae_free": ("void (ae_model *)", ctypes.CFUNCTYPE(None, _MODEL)),
    "ae_n_features": ("Py_ssize_t (ae_model const *)", _SIZE_OF),
    "ae_n_components": ("Py_ssize_t (ae_model const *)", _SIZE_OF),
    "ae_n_params": ("Py_ssize_t (ae_model const *)", _SIZE_OF),
    "ae_threshold": (
        "double (ae_model const *)",
        ctypes.CFUNCTYPE(ctypes.c_double, _MODEL),
    ),
    "ae_column_name": ("char const *(ae_model const *, Py_ssize_t)", _TEXT_OF),
    "ae_n_categories": (
        "Py_ssize_t (ae_model const *, Py_ssize_t)",
        ctypes.CFUNCTYPE(ctypes.c_ssize_t, _MODEL, ctypes.c_ssize_t),
    ),
    "ae_category": (
        "char const *(ae_model const *, Py_ssize_t, Py_ssize_t)",
        ctypes.CFUNCTYPE(ctypes.c_char_p, _MODEL, ctypes.c_ssize_t, ctypes.c_ssize_t),
    ),
    "ae_message": ("char const *(int)", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_int)),
    "ae_forward": ("int (ae_model const *, Py_ssize_t, double const *, double *)", _WORK),
    "ae_encode": ("int (ae_model const *, Py_ssize_t, double const *, double *)", _WORK),
    "ae_reconstruction_errors": (
        "int (ae_model const *, Py_ssize_t, double const *, double *)",
        _WORK,
    ),
    "ae_outlier_scores": (
        "int (ae_model const *, Py_ssize_t, double const *, double *)",
        _WORK,
    ),
    "ae_predict": ("int (ae_model const *, Py_ssize_t, double const *, int *)", _WORK),
    "ae_loss_and_gradient": (
        "int (ae_model const *, Py_ssize_t, double const *, double *, double *)",
        _LOSS,
    ),
}
"""Each function's signature, and how to call it."""


@cache
def function(name: str) -> Any:
    """A function of the C interface; ValueError where its signature is another."""
    signature, kind = SIGNATURES[name]
    find = ctypes.pythonapi.PyCapsule_GetPointer
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return kind(find(c_interface.__pyx_capi__[name], signature.encode()))
