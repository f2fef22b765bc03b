ctypedef const unsigned char *Text

cdef Text after_number(
    Text p, Text stop, unsigned char decimal, unsigned char thousands, double *value
) except? NULL
