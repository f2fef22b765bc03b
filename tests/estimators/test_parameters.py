"""Constructor parameters: each stands once, is checked by its record, and named when it is wrong."""

import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from messages import NUMBERS, VALUES, faults_of
from sklearn.base import clone
from sklearn.datasets import load_wine

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    VariationalAutoencoder,
)
from ae_core.basics.arguments import (
    COUNT,
    INDEX,
    LONGEST_SHOWN,
    Either,
    Integer,
    Number,
    OneOf,
    Sequence,
    check_name,
    shown,
)
from ae_core.estimators.fitting import generator_of
from ae_core.estimators.records import check_parameters, parameter, parameters_of, with_parameters

ESTIMATORS = (
    Autoencoder,
    VariationalAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderImputer,
)

COUNTS, STRENGTHS, SHARES = (
    ("one",),
    ("zero", "one", "half", "one and a half", "huge"),
    ("zero", "half"),
)
RIGHT = {
    "n_components": COUNTS,
    "hidden_layer_sizes": ("one", "empty list"),
    "decoder_layer_sizes": ("None", "one", "empty list"),
    "output_activation": ("None",),
    "tied": ("True",),
    "alpha": STRENGTHS,
    "alpha_l1": STRENGTHS,
    "batch_size": COUNTS,
    "learning_rate_init": ("one", "half", "one and a half", "huge"),
    "power_t": STRENGTHS,
    "momentum": SHARES,
    "nesterovs_momentum": ("True",),
    "beta_1": SHARES,
    "beta_2": SHARES,
    "epsilon": STRENGTHS,
    "clip_norm": ("None", *STRENGTHS),
    "averaging": ("None", *SHARES),
    "max_iter": COUNTS,
    "shuffle": ("True",),
    "tol": ("None", "infinity", *STRENGTHS),
    "n_iter_no_change": ("one", "infinity"),
    "early_stopping": ("True",),
    "validation_fraction": ("half",),
    "warm_start": ("True",),
    "random_state": ("None", "zero", "one"),
    "verbose": ("True",),
    "dtype": ("None",),
    "n_threads": ("None", "one"),
    "scale": ("None",),
    "input_transform": ("None",),
    "size_factors": ("None",),
    "missing_values": ("None",),
    "feature_weights": ("None", "empty list", "array"),  # how many there are is the data's matter
    "corruption": ("None",),
    "corruption_level": STRENGTHS,
    "dropout": SHARES,
    "k_sparse": ("None", "one"),
    "code_l1": STRENGTHS,
    "sparsity": STRENGTHS,
    "sparsity_target": ("half",),
    "contraction": STRENGTHS,
    "max_fun": COUNTS,
    "beta": STRENGTHS,
    "kl_warm_up": ("zero", "one"),
    "noise_variance": ("one", "half", "one and a half", "huge"),
    "contamination": ("half",),
    "n_steps": COUNTS,
    "trim": SHARES,
    "n_networks": COUNTS,
    "sample_posterior": ("True",),
    "add_indicator": ("True",),
    "keep_empty_features": ("True",),
}
"""Which of the values are right for a parameter; for others, none is."""

RIGHT_HERE = {
    (AutoencoderImputer, "missing_values"): (
        *("None", "NaN", "text", "no text", "long text"),
        *NUMBERS,
    ),
    (AutoencoderImputer, "hidden_layer_sizes"): ("one",),
    (AutoencoderImputer, "corruption_level"): ("half",),
}
"""The same, where one estimator takes others."""

EVERY_PARAMETER = [
    pytest.param(cls, record.name, id=f"{cls.__name__}-{record.name}")
    for cls in ESTIMATORS
    for record in parameters_of(cls)
]


def comparable(parameters):
    """Parameters whose NaN is equal to another's."""
    return {name: "NaN" if value != value else value for name, value in parameters.items()}


@pytest.fixture(scope="module")
def wine():
    return load_wine().data[:20]


@pytest.mark.parametrize(("cls", "name"), EVERY_PARAMETER)
def test_every_wrong_value_is_named(cls, name, wine):
    for key, value in VALUES.items():
        estimator = cls(**{name: value})
        if key in RIGHT_HERE.get((cls, name), RIGHT.get(name, ())):
            check_parameters(estimator)
            continue
        for method in ("fit", "partial_fit"):
            if getattr(cls, method, None) is None or not hasattr(estimator, method):
                continue
            assert not faults_of(lambda: getattr(estimator, method)(wine), name, value)  # noqa: B023
        assert not hasattr(estimator, "n_features_in_")


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_records_are_the_signature(cls):
    signature = inspect.signature(cls).parameters
    records = {record.name: record for record in parameters_of(cls)}
    assert list(records) == list(signature)
    assert sorted(records) == sorted(cls._get_param_names())
    first = next(iter(signature.values()))
    assert first.kind is first.POSITIONAL_OR_KEYWORD
    assert all(p.kind is p.KEYWORD_ONLY for p in list(signature.values())[1:])
    for name, record in records.items():
        assert (signature[name].default,) == (record.default,)  # NaN, too
        assert signature[name].annotation is not inspect.Parameter.empty
        record.check(name, record.default)
        assert re.fullmatch(r"[A-Z][^\n]*[.]", record.meaning), record.meaning
        # The docstring has it, with its default and what it means.
        assert f"    {name} : " in cls.__doc__
        assert f"default={record.default!r}" in " ".join(cls.__doc__.split())
        assert record.meaning in " ".join(cls.__doc__.split())
    assert cls().get_params() == {name: record.default for name, record in records.items()}


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_constructors_are_as_scikit_learn_wants_them(cls):
    values = {record.name: object() for record in parameters_of(cls)}
    estimator = cls(**values)  # nothing is checked, changed or copied there
    assert all(getattr(estimator, name) is value for name, value in values.items())
    assert vars(estimator) == values
    first = next(parameters_of(cls)).name
    assert getattr(cls("first"), first) == "first"
    with pytest.raises(TypeError):
        cls("first", "second")
    again = pickle.loads(pickle.dumps(cls()))
    settings = [comparable(e.get_params()) for e in (again, clone(cls()), cls())]
    assert settings[0] == settings[1] == settings[2]
    assert cls() != cls()  # they are no values
    assert hash(cls()) is not None
    assert repr(cls()) == f"{cls.__name__}()"


def test_a_subclass_may_have_parameters_of_its_own(wine):
    @with_parameters
    class Noisy(Autoencoder):
        """Parameters.

        {parameters}
        """

        level: int = parameter(default=3, check=COUNT, meaning="Its level.")

    assert Noisy(4, level=1).get_params()["level"] == 1
    assert "Its level." in Noisy.__doc__
    with pytest.raises(ValueError, match="level=0: must be an integer of at least 1"):
        Noisy(level=0).fit(wine)

    class Plain(Autoencoder):
        def __init__(self, n_components=2, extra=1):
            super().__init__(n_components, max_iter=3)
            self.extra = extra

    assert Plain(5).n_components == 5
    assert Plain().get_params() == {"n_components": 2, "extra": 1}


def test_what_has_a_reason_is_not_taken():
    own = {r.name for r in parameters_of(Autoencoder)}
    variational = {r.name for r in parameters_of(VariationalAutoencoder)}
    assert not issubclass(VariationalAutoencoder, Autoencoder)
    assert own - variational == {
        "code_activation",
        "code_l1",
        "contraction",
        "k_sparse",
        "max_fun",
        "sparsity",
        "sparsity_target",
    }
    assert variational - own == {"beta", "kl_warm_up", "noise_variance"}
    for name in own - variational:
        assert not hasattr(VariationalAutoencoder(), name)


def test_the_table_in_the_documentation_is_that_of_the_records():
    docs = Path(__file__).parents[2] / "docs"
    names = {}
    exec((docs / "parameters.py").read_text(encoding="utf-8"), names)
    text = (docs / "parameters.md").read_text(encoding="utf-8")
    assert text == names["page"](), "python docs/parameters.py writes it anew"
    for cls in ESTIMATORS:
        for record in parameters_of(cls):
            assert f"| `{record.name}` |" in text
            assert record.meaning in text


# --- checks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (COUNT, "an integer of at least 1"),
        (INDEX, "an integer of at least 0"),
        (Integer(most=9), "an integer from 1 to 9"),
        (Integer(or_infinite=True), "an integer of at least 1, or infinity"),
        (Number(), "a finite number of at least 0"),
        (Number(is_above=True), "a number above 0"),
        (Number(most=1, is_below=True), "a number of at least 0 and below 1"),
        (Number(most=1, is_above=True, is_below=True), "a number between 0 and 1"),
        (Number(most=0.5, is_above=True), "a number above 0 and up to 0.5"),
        (OneOf(("a", "b")), "'a' or 'b'"),
        (OneOf(tuple("abcd")), "one of 'a', 'b', 'c', 'd'"),
        (Either((None,), OneOf(("a", "b"))), "None, 'a' or 'b'"),
        (Either(("auto",), COUNT), "'auto' or an integer of at least 1"),
        (Either((None, "auto"), Number()), "None, 'auto' or a finite number of at least 0"),
    ],
    ids=str,
)
def test_words_say_what_is_allowed(check, words):
    assert check.words == words
    with pytest.raises(ValueError, match=re.escape(f"size=1j: must be {words}")):
        check("size", 1j)


def test_numpys_numbers_are_numbers():
    assert COUNT("n", np.int8(3)) == 3
    assert type(COUNT("n", np.int64(3))) is int
    assert Number()("x", np.float32(0.5)) == 0.5
    assert Integer(or_infinite=True)("n", np.inf) == np.inf
    assert OneOf(("a",))("x", np.str_("a")) == "a"
    for value in (np.bool_(True), np.float64(3), np.array(3), "3"):
        with pytest.raises(ValueError, match="must be an integer"):
            COUNT("n", value)
    with pytest.raises(ValueError, match="n=10: must be an integer of at most 9"):
        Integer(most=9)("n", 10)
    with pytest.raises(ValueError, match="n=2147483648: must be an integer of at most 2147483647"):
        COUNT("n", 2**31)


def test_entries_of_sequences_are_named():
    check = Sequence(COUNT, "integers", takes_one=True)
    assert check("n", 3) == (3,)
    assert check("n", [3, np.int8(4)]) == (3, 4)
    assert check("n", np.array([3, 4])) == (3, 4)
    with pytest.raises(ValueError, match=r"n entry=0 in \[3, 0\]: must be an integer of at least"):
        check("n", [3, 0])
    for wrong in ("34", {3, 4}, {3: 4}, iter([3]), None, 1.5):
        with pytest.raises(ValueError, match=r"n=.*: must be integers"):
            check("n", wrong)
    with pytest.raises(ValueError, match=r"n=\(\): must be integers"):
        Sequence(COUNT, "integers", may_be_empty=False)("n", ())


class Loud:
    def __repr__(self):
        return "a\nb\x1b[31m\t" + "c" * 1000


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [Loud(), Broken(), "é" * 500, list(range(10**5)), 10**5000, np.zeros((99, 99))],
    ids=["control characters", "no repr", "text", "list", "integer", "array"],
)
def test_values_are_shown_in_one_printable_line(value):
    text = shown(value)
    assert 0 < len(text) <= LONGEST_SHOWN
    assert text.isprintable()
    with pytest.raises(ValueError, match=re.escape(f"scale={text}: must be 'a'")):
        check_name("scale", value, ["a"])


def test_generators_of_either_kind_are_seeds():
    first, again = (
        generator_of(Autoencoder(random_state=np.random.default_rng(3))).random() for _ in range(2)
    )
    assert first == again
    old = generator_of(Autoencoder(random_state=np.random.RandomState(3))).random()
    assert old == generator_of(Autoencoder(random_state=3)).random()
    assert generator_of(Autoencoder()).random() != generator_of(Autoencoder()).random()
    model = Autoencoder(random_state=np.random.default_rng(0), max_iter=1)
    assert model.fit(load_wine().data).n_iter_ == 1


def test_numbers_are_among_the_values():
    assert set(NUMBERS) < set(VALUES)
    assert len(VALUES) >= 20
