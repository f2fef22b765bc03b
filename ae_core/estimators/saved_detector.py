"""A fitted detector as a description and arrays, and back: see `saved`."""

import json
from math import isnan
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..detection.residual_ensemble import ResidualEnsemble
from ..detection.thresholds import Calibration, TrainingRange
from ..files.model_content import ModelFile
from ..serving.restoring import restore_encoding, restore_ensemble, restore_threshold
from .checkpoints import is_generator_state
from .detector_stream import DetectorStream
from .saved import (
    constructed,
    describe_columns,
    describe_scaling,
    parameters_of,
    restore_columns,
)


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
    detector.ensemble_ = restore_ensemble(file, n_columns, detector.encoding_, detector.n_threads)
    if isinstance(detector.ensemble_, ResidualEnsemble):  # of version 0.1.0
        detector.shift_, detector.factor_ = detector.ensemble_.shift, detector.ensemble_.factor
    else:
        scaling = detector.ensemble_.scaling
        detector.shift_, detector.factor_ = scaling.shift, scaling.factor
        _restore_scores(detector, file)
        networks = detector.ensemble_.networks
        _restore_stream(detector, file, networks[0].dtype, networks[0].architecture.n_features)
    detector.threshold_ = restore_threshold(file)
    detector.offset_ = -detector.threshold_
    return detector


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
