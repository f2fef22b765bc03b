"""A fitted detector as a description and arrays, and back: see `saved`."""

import json
from math import isnan
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..data.robust_scaling import RobustScaling
from ..files.model_content import ModelFile
from ..network.compiled import Network
from .checkpoints import is_generator_state
from .detector_stream import DetectorStream
from .ensemble import Ensemble, Member
from .neighbours import References
from .residual_ensemble import ResidualEnsemble
from .saved import (
    constructed,
    describe_columns,
    describe_scaling,
    parameters_of,
    restore_columns,
    restore_encoding,
    restore_network,
    restore_scaling,
)
from .thresholds import Calibration, TrainingRange


def describe_detector(detector: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """A fitted `AutoencoderOutlierDetector` as a description and arrays."""
    ensemble = detector.ensemble_
    description = {
        "parameters": parameters_of(detector),
        **describe_columns(detector),
        "architectures": [json.loads(n.architecture.to_json()) for n in ensemble.networks],
        "threshold": detector.threshold_,
    }
    if detector.encoding_ is not None:
        description["encoding"] = detector.encoding_.described()
    arrays = {f"params_{i}": network.params for i, network in enumerate(ensemble.networks)}
    arrays |= describe_scaling(detector.shift_, detector.factor_)
    if isinstance(ensemble, ResidualEnsemble):  # from a file of version 0.1.0, and into another
        return description, {**arrays, "usual": ensemble.usual, "counts": ensemble.counts}
    for i, member in enumerate(ensemble.members):
        arrays[f"code_spread_{i}"] = member.code_spread
        arrays[f"references_{i}"] = member.references.points
    calibration = detector.calibration_
    description |= {
        "changed": ensemble.changed,
        "n_held_out": calibration.n_rows,
        "training_range": list(detector.training_range_),
    }
    if detector._stream is not None:
        description["stream_random"] = detector._stream.random
        arrays["stream_recent"] = detector._stream.recent
        arrays["stream_scores"] = detector._stream.scores
    return description, {
        **arrays,
        "usual": np.stack([member.usual for member in ensemble.members]),
        "units": np.array([member.unit for member in ensemble.members]),
        "varies": ensemble.scaling.varies,
        "is_seen": ensemble.scaling.is_seen,
        "held_out_scores": calibration.scores,
        "held_out_shares": calibration.shares,
        "training_scores": detector.training_scores_,
    }


def restore_detector(detector_class: Any, file: ModelFile) -> Any:
    """The `AutoencoderOutlierDetector` that `describe_detector` described.

    Raises
    ------
    ModelFileError
        When the file does not describe one.
    """
    detector = constructed(detector_class, file)
    n_columns = restore_columns(detector, file)
    detector.encoding_ = restore_encoding(file, n_columns)
    n_features = n_columns
    if detector.encoding_ is not None:
        n_features = detector.encoding_.n_with_others
    shift, factor = restore_scaling(file, n_features)
    if shift is None or factor is None:
        raise file.error("it lacks the array 'shift' or 'factor'")
    detector.shift_, detector.factor_ = shift, factor
    described = file.value("architectures", lambda a: isinstance(a, list) and len(a) > 0, "a list")
    networks = tuple(
        restore_network(file, one, f"params_{i}", n_features, detector.n_threads)
        for i, one in enumerate(described)
    )
    if len({network.dtype for network in networks}) > 1:
        raise file.error("its networks have different dtypes")
    usual = _positive(file, "usual", (len(networks), n_features))
    if "counts" in file.arrays:  # of version 0.1.0
        counts = file.array("counts", np.bool_, (n_features,))
        detector.ensemble_ = ResidualEnsemble(networks, usual, counts, shift, factor)
    else:
        scaling = RobustScaling(
            shift,
            factor,
            file.array("varies", np.bool_, (n_features,)),
            file.array("is_seen", np.bool_, (n_features,)),
        )
        units = _positive(file, "units", (len(networks),))
        members = tuple(
            _restored_member(file, i, network, usual[i], float(units[i]))
            for i, network in enumerate(networks)
        )
        changed = float(file.value("changed", _is_at_least_0, "a number of at least 0"))
        detector.ensemble_ = Ensemble(members, scaling, changed)
        _restore_scores(detector, file)
        _restore_stream(detector, file, networks[0].dtype, n_features)
    detector.threshold_ = float(
        file.value("threshold", lambda t: is_number(t) and not isnan(t), "a number")
    )
    detector.offset_ = -detector.threshold_
    return detector


def _restored_member(
    file: ModelFile, i: int, network: Network, usual: Array, unit: float
) -> Member:
    n_code = network.architecture.n_components
    if network.architecture.code_layer != 1 or network.architecture.n_layers != 2:
        raise file.error(f"its network {i} has {network.architecture.n_layers} layers, not 2")
    width = n_code + network.architecture.n_features
    points = file.array(f"references_{i}", network.dtype, (None, width), finite=True)
    if not len(points):
        raise file.error(f"its array 'references_{i}' is empty")
    spread = _positive(file, f"code_spread_{i}", (n_code,))
    return Member(network, usual, spread, References(points, network.n_threads), unit)


def _restore_scores(detector: Any, file: ModelFile) -> None:
    scores = file.array("held_out_scores", np.float64, (None,), finite=True)
    shares = file.array("held_out_shares", np.float64, (len(scores),), finite=True)
    if not len(scores) or (np.diff(scores) < 0).any() or (np.diff(shares) > 0).any():
        raise file.error("its arrays 'held_out_scores' and 'held_out_shares' are not in order")
    n_rows = file.value("n_held_out", lambda n: type(n) is int and n > 0, "a number above 0")
    detector.calibration_ = Calibration(scores, shares, n_rows)
    found = file.value(
        "training_range",
        lambda r: len(r) == 4 and all(is_number(x) and not isnan(x) for x in r),
        "four numbers",
    )
    detector.training_range_ = TrainingRange(*map(float, found))
    detector.training_scores_ = file.array("training_scores", np.float64, (None,), finite=True)


def _restore_stream(detector: Any, file: ModelFile, dtype: Any, n_features: int) -> None:
    if "stream_random" not in file.description:
        return
    detector._stream = DetectorStream(
        file.array("stream_recent", dtype, (None, n_features)),
        file.array("stream_scores", np.float64, (None,), finite=True),
        file.value("stream_random", is_generator_state, "the state of a generator"),
    )
    recent, scores = detector._stream.recent, detector._stream.scores
    if not len(recent) or not len(scores) or np.isinf(recent).any():
        raise file.error("its arrays 'stream_recent' and 'stream_scores' are no rows and scores")
    if detector.missing_values is None and np.isnan(recent).any():
        raise file.error("its array 'stream_recent' has NaN, and nothing is missing there")


def _positive(file: ModelFile, name: str, shape: tuple[int, ...]) -> Array:
    array = file.array(name, np.float64, shape, finite=True)
    if not (array > 0).all():
        raise file.error(f"its array {name!r} has entries that are not above 0")
    return array


def _is_at_least_0(value: Any) -> bool:
    return is_number(value) and 0 <= value < float("inf")
