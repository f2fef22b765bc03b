# For Cython only: c_interface.pxd says what there is.
