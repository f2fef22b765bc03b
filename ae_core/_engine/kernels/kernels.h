/* The vectorised loops of the engine, in one table per instruction set and type.
 *
 * Matrices are row-major and, but for the operands of the products, without gaps between rows.
 * Pointers are void so that one table type serves float and double; each function knows its own.
 * kernels_table.c compiles kernels_body.h for every instruction set.
 */
#ifndef AE_CORE_KERNELS_H
#define AE_CORE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* The lists that everything else is made from: the numbers here, the names that Python sees
 * (kernels_table.c), the cases of every switch. Names are those of the Python registries. */
/* clang-format off */
#define AE_ACTIVATIONS(each) \
    each(IDENTITY) each(LOGISTIC) each(TANH) each(RELU) each(LEAKY_RELU) each(ELU) each(SELU) \
    each(SOFTPLUS) each(SOFTSIGN) each(EXP)
/* Elementary functions on arrays, with the names of elementary.h: the order of for_tests.pyx. */
#define AE_ELEMENTARY(each) \
    each(EXP, exp) each(EXPM1, expm1) each(LOG1P, log1p) each(LOGISTIC, logistic) each(TANH, tanh) \
    each(SOFTPLUS, softplus)
/* Losses whose formulas stand in losses_body.h: of each element; of each element with a parameter
 * of its column; and those that couple the elements of a row. each(NUMBER, name, link): the
 * activation before which the loss is taken, of the sums, or 0: it is taken of the output. */
#define AE_ELEMENT_LOSSES(each) \
    each(SQUARED_ERROR, squared_error, 0) each(ABSOLUTE_ERROR, absolute_error, 0) \
    each(HUBER, huber, 0) each(BINARY_CROSS_ENTROPY, binary_cross_entropy, AE_LOGISTIC) \
    each(POISSON, poisson, AE_EXP)
/* clang-format on */
#define AE_COLUMN_LOSSES(each) each(NEGATIVE_BINOMIAL, negative_binomial, AE_EXP)
#define AE_ROW_LOSSES(each) \
    each(SOFTMAX_CROSS_ENTROPY, softmax, AE_IDENTITY) each(MULTINOMIAL, softmax, AE_IDENTITY)
#define AE_LOSSES(each) AE_ELEMENT_LOSSES(each) AE_COLUMN_LOSSES(each) AE_ROW_LOSSES(each)
/* How an input is spoiled, with the formulas in noise_body.h: each(NUMBER, name). */
#define AE_CORRUPTIONS(each) \
    each(GAUSSIAN, gaussian) each(MASKING, masking) each(SALT_AND_PEPPER, salt_and_pepper)
#define AE_SOLVERS(each) each(SGD) each(NESTEROV) each(ADAM) each(RMSPROP)
/* The forms of a product: a @ b, a @ b.T and a.T @ b. */
#define AE_FORMS(each) each(NN) each(NT) each(TN)
/* What an element of a table may be. */
#define AE_ELEMENT_TYPES(each) each(FLOAT, float) each(DOUBLE, double) each(BYTE, unsigned char)

#define AE_ENUM(name, ...) AE_##name,
enum { AE_ACTIVATIONS(AE_ENUM) };
enum { AE_LOSSES(AE_ENUM) };
enum { AE_SOLVERS(AE_ENUM) };
enum { AE_FORMS(AE_ENUM) };
enum { AE_ELEMENT_TYPES(AE_ENUM) };
#define AE_ARRAY_ENUM(name, ...) AE_ARRAY_##name,
enum { AE_ELEMENTARY(AE_ARRAY_ENUM) };

enum { AE_CORRUPTIONS(AE_ENUM) AE_NOTHING };

typedef struct {
    int kind;
    uint32_t threshold;     /* numbers below it spoil; salt and pepper: */
    uint32_t threshold_low; /* numbers below it give `low`, the others `high` */
    const void *table;      /* gaussian: the noise for each number, of the kernels' type */
    const void *low, *high; /* (n,), of that type */
} ae_corruption;

/* Columns `start` to `stop` of the output share an activation and a loss. */
typedef struct {
    int activation, loss;
    ptrdiff_t start, stop;
    double low, high; /* what the loss can be taken of */
    ptrdiff_t own;    /* where the loss's own parameters of these columns start */
} ae_group;

typedef struct {
    const ae_group *groups;
    int n_groups;
    int has_missing;         /* whether targets may be NaN: unseen, without a loss */
    const double *weights; /* of the columns, or NULL: all 1 */
    const void *own;       /* (n_own,) the losses' own parameters */
    ptrdiff_t n_own;
} ae_output;

/* What a solver needs at one step. Names as in ae_core/formulas/solvers.py. */
typedef struct {
    double rate;        /* Adam: divided by 1 - beta_1^n */
    double unbias_root; /* Adam: 1 / sqrt(1 - beta_2^n) */
    double shrink;      /* what weight decay leaves of each parameter */
    double decay_1;     /* SGD: momentum; Adam: beta_1; RMSprop: rho */
    double decay_2;     /* Adam: beta_2 */
    double epsilon;
    double newest; /* weight of the new parameters in the running average */
} ae_step;

typedef void (*ae_matmul)(int m, int n, int k, const void *a, int lda, const void *b, int ldb,
                          void *c, int ldc, int accumulate);

typedef struct {
    const char *name; /* of the instruction set */
    /* A product of more multiplications than this is left to BLAS. Measured: see matmul_body.h. */
    long long largest_product;
    ae_matmul matmul[3]; /* by AE_NN, AE_NT, AE_TN */
    /* to (n, m) = from (m, n).T */
    void (*turn)(ptrdiff_t m, ptrdiff_t n, const void *from, ptrdiff_t ldfrom, void *to,
                 ptrdiff_t ldto);

    /* to (n,) = (row - shift) * factor in double arithmetic, or the row itself where they are NULL.
     * The row's n elements of that type stand `column` bytes apart. */
    void (*see)(int type, ptrdiff_t n, const char *row, ptrdiff_t column, const double *shift,
                const double *factor, void *to);
    /* z (m, n) → f(z + bias); bias (n,) or NULL */
    void (*activate)(int activation, ptrdiff_t m, ptrdiff_t n, void *z, const void *bias);
    /* x → x * mask * f'(.), from a layer's output h, which is mask times the activation; mask may be
     * NULL: all 1 */
    void (*through_activation)(int activation, ptrdiff_t count, void *x, const void *h,
                               const void *mask);
    /* the same with f″ */
    void (*through_slope)(int activation, ptrdiff_t count, void *x, const void *h,
                          const void *mask);
    /* z (m, n): the output layer's sums → the output */
    void (*activate_output)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *z,
                            const void *bias);
    /* z (m, n): the output layer's sums, without bias → scale * d(loss of the row)/d(sums), and
     * own (m, n_own) = scale * d(loss of the row)/d(the losses' own parameters).
     * Returns the loss, summed over rows and columns. */
    double (*output_delta)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *z,
                           const void *bias, const void *target, double scale, void *own);
    /* losses (m,) from sums z (m, n), without bias, which are spoiled */
    void (*row_losses)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *z,
                       const void *bias, const void *target, void *losses);
    /* sums (n,) of the columns of x (m, n) */
    void (*column_sums)(ptrdiff_t m, ptrdiff_t n, const void *x, void *sums);
    /* the sum of x², of |x| */
    double (*squares)(ptrdiff_t count, const void *x);
    double (*sizes)(ptrdiff_t count, const void *x);
    /* to += scale * x */
    void (*axpy)(ptrdiff_t count, double scale, const void *x, void *to);
    /* gradient += strength * sign(params) */
    void (*penalize_l1)(ptrdiff_t count, double strength, const void *params, void *gradient);
    /* x *= factor */
    void (*scale)(ptrdiff_t count, double factor, void *x);
    /* mean += share * (params - mean) */
    void (*average)(ptrdiff_t count, double share, const void *params, void *mean);
    /* one step of a solver on `count` parameters; memory as the solver's `remembers` */
    void (*update)(int solver, ptrdiff_t count, void *params, const void *gradient,
                   void *memory_0, void *memory_1, const ae_step *step);
    /* noise_body.h */
    void (*noise)(uint64_t key, uint64_t stream, uint64_t row, ptrdiff_t n, uint16_t *to);
    void (*spoil)(const ae_corruption *how, ptrdiff_t n, const void *targets,
                  const uint16_t *numbers, void *inputs);
    void (*spoil_stored)(const ae_corruption *how, ptrdiff_t n, const int32_t *columns,
                         const uint16_t *numbers, void *inputs);
    void (*hide)(ptrdiff_t n, const uint16_t *numbers, uint32_t threshold, double scale,
                 void *mask, void *h);
    void (*keep_largest)(ptrdiff_t n, ptrdiff_t k, void *mask, void *h);
    void (*sample)(ptrdiff_t k, const void *posterior, const uint16_t *numbers,
                   const void *quantiles, void *epsilon, void *h);
    void (*through_sample)(ptrdiff_t k, const void *posterior, const void *epsilon, double pull,
                           void *delta);
    double (*divergence)(ptrdiff_t k, const void *posterior);
    /* y (count,) = an elementary function of x, which is another array */
    void (*elementary)(int function, ptrdiff_t count, const void *x, void *y);
} ae_kernels;

/* The lists above as text, each with a NULL at its end. */
extern const char *const ae_activation_names[], *const ae_loss_names[];
extern const char *const ae_solver_names[], *const ae_corruption_names[];

/* Whether a loss couples the elements of a row. */
static inline int ae_is_row_loss(int loss)
{
    switch (loss) {
#define AE_CASE(name, ...) case AE_##name:
        AE_ROW_LOSSES(AE_CASE)
        return 1;
#undef AE_CASE
    default: return 0;
    }
}

/* The best table of this CPU, or of the lower level that AE_CORE_SIMD names. */
const ae_kernels *ae_best_kernels(int is_double);
/* The table of a level (0 baseline, 1 AVX2, 2 AVX-512), or NULL where the CPU lacks it. */
const ae_kernels *ae_kernels_of(int level, int is_double);

#endif
