"""A fitted detector as a description and arrays, and back: see `saved`."""

from math import isnan
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..detection.residual_ensemble import ResidualEnsemble
from ..detection.thresholds import Calibration, TrainingRange
from ..files.model_content import ModelFile
from ..serving.restoring import restore_ensemble, restore_threshold
from .checkpoints import is_generator_state
from .detector_stream import DetectorStream
from .saved import describe_networks, describe_table, restore_table


def describe_detector(detector: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """A fitted `AutoencoderOutlierDetector` as a description and arrays."""
    ensemble = detector.ensemble_
    of_table, scaling = describe_table(detector)
    of_networks, params = describe_networks(ensemble.networks)
    description = {**of_table, **of_networks, "threshold": detector.threshold_}
    arrays = {**scaling, **params}
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
    detector = restore_table(detector_class, file)
    detector.ensemble_ = ensemble = restore_ensemble(
        file, detector.n_features_in_, detector.encoding_, detector.n_threads
    )
    if isinstance(ensemble, ResidualEnsemble):  # of version 0.1.0, which kept no scores
        detector.shift_, detector.factor_ = ensemble.shift, ensemble.factor
    else:
        detector.shift_, detector.factor_ = ensemble.scaling.shift, ensemble.scaling.factor
        _restore_scores(detector, file)
        if "stream_random" in file.description:
            detector._stream = _restored_stream(detector, file)
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


def _restored_stream(detector: Any, file: ModelFile) -> DetectorStream:
    network = detector.ensemble_.networks[0]
    recent = file.array("stream_recent", network.dtype, (None, network.architecture.n_features))
    scores = file.array("stream_scores", np.float64, (None,), finite=True)
    random = file.value("stream_random", is_generator_state, "the state of a generator")
    if not len(recent) or not len(scores) or np.isinf(recent).any():
        raise file.error("its arrays 'stream_recent' and 'stream_scores' are no rows and scores")
    if detector.missing_values is None and np.isnan(recent).any():
        raise file.error("its array 'stream_recent' has NaN, and nothing is missing there")
    return DetectorStream(recent, scores, random)
