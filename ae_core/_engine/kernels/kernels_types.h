/* Float and double of one instruction set: all the bodies, twice.
 *
 * No include guard: included once for each set, with LEVEL(name, type), VECTOR_BYTES, LEVEL_NAME
 * and LARGEST_PRODUCT.
 */
#define REAL float
#define FN(name) LEVEL(name, f32)
#define AE(name) name##_f32
#include "matmul_body.h"
#include "kernels_body.h"
#include "losses_body.h"
#include "output_body.h"
#include "noise_body.h"
#undef REAL
#undef FN
#undef AE

#define REAL double
#define FN(name) LEVEL(name, f64)
#define AE(name) name##_f64
#include "matmul_body.h"
#include "kernels_body.h"
#include "losses_body.h"
#include "output_body.h"
#include "noise_body.h"
#undef REAL
#undef FN
#undef AE

#undef LEVEL
#undef VECTOR_BYTES
#undef LEVEL_NAME
#undef LARGEST_PRODUCT
