"""What a model file holds, as the objects that compute: encoding, scaling, networks, ensemble.

Of NumPy and the engine alone: estimators and `Predictor` are both made from it.
"""

import json
from math import inf, isnan
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..basics.shown import shown
from ..data.encoding import Encoding
from ..data.robust_scaling import RobustScaling
from ..data.scaling import SCALES
from ..data.seen_rows import Seeing, resolved_scale
from ..detection.ensemble import Ensemble, Member
from ..detection.neighbours import References
from ..detection.residual_ensemble import ResidualEnsemble
from ..files.model_content import ModelFile
from ..formulas.losses import COUNTS, LOSSES
from ..network.architecture import Architecture
from ..network.compiled import Network

LARGEST_COUNT = 2**63 - 1


def read_columns(file: ModelFile) -> tuple[int, list[str] | None]:
    """The number and, where they have any, the names of the columns that a model was fitted to.

    Raises
    ------
    ModelFileError
        When they are not so many names.
    """
    n_features = file.value(
        "n_features_in", lambda n: type(n) is int and 0 < n <= LARGEST_COUNT, "a number above 0"
    )
    names = file.value(
        "feature_names_in",
        lambda found: found is None or (_are_names(found) and len(found) == n_features),
        f"null or {n_features} names",
    )
    return int(n_features), names


def _are_names(found: Any) -> bool:
    return isinstance(found, list) and all(type(name) is str for name in found)


def restore_encoding(file: ModelFile, n_features: int) -> Encoding | None:
    """How the columns of a DataFrame become those of the network; None when they are the same.

    Raises
    ------
    ModelFileError
        When it is not of so many columns.
    """
    if "encoding" not in file.description:
        return None
    described = file.value(
        "encoding",
        lambda found: len(Encoding.restored(found).columns) == n_features,
        f"the encoding of {n_features} columns",
    )
    return Encoding.restored(described)


def restore_network(
    file: ModelFile, described: Any, params: str, n_features: int, n_threads: Any
) -> Network:
    """The network of a described architecture, with the array of that name as parameters.

    Raises
    ------
    ModelFileError
        When they do not describe one for data of that width.
    """
    try:
        architecture = Architecture.from_json(json.dumps(described))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise file.error(f"its architecture is not one ({error})") from error
    if architecture.n_features != n_features:
        raise file.error(
            f"its network has {shown(architecture.n_features)} inputs, not {shown(n_features)}"
        )
    array = file.array(params, (np.float32, np.float64), (architecture.n_params,), finite=True)
    try:
        return Network(architecture, array, dtype=array.dtype, n_threads=n_threads)
    except ValueError as error:
        raise file.error(str(error)) from error


def restore_scaling(file: ModelFile, n_features: int) -> tuple[Array | None, Array | None]:
    """The shift and factor that the file has.

    Raises
    ------
    ModelFileError
        When they do not fit the columns.
    """
    shift = factor = None
    if "shift" in file.arrays:
        shift = file.array("shift", np.float64, (n_features,), finite=True)
    if "factor" in file.arrays:  # sparse data is divided, and not shifted
        factor = file.array("factor", np.float64, (n_features,), finite=True)
        if (factor == 0).any():
            raise file.error("its array 'factor' has zeros")
    return shift, factor


def restore_whole_scaling(file: ModelFile, n_features: int) -> tuple[Array, Array]:
    """The shift and factor of a file that must have both.

    Raises
    ------
    ModelFileError
        When one is not there, or does not fit the columns.
    """
    shift, factor = restore_scaling(file, n_features)
    if shift is None or factor is None:
        raise file.error("it lacks the array 'shift' or 'factor'")
    return shift, factor


def restore_seeing(
    file: ModelFile, scale: str | None, loss: str, missing: str | None, n_features: int
) -> Seeing:
    """What a fit learned of columns and rows; with the scaling that 'auto' came to.

    Raises
    ------
    ModelFileError
        When the file does not have what that needs.
    """
    shift, factor = restore_scaling(file, n_features)
    if scale == "auto" and "scaled_by" in file.description:
        scale = file.value("scaled_by", SCALES.__contains__, "a scaling")
    scale = resolved_scale(scale, loss, missing) if scale == "auto" else scale
    if scale == "biases" and (shift is None or missing != "implicit"):
        raise file.error("it has no biases of columns")
    usual_sum = None
    if "usual_sum" in file.description:
        usual_sum = float(
            file.value("usual_sum", lambda v: is_number(v) and 0 < v < inf, "a number above 0")
        )
        if LOSSES[loss].domain is not COUNTS:
            raise file.error("its loss has no sizes of rows")
    return Seeing(loss, scale, shift, factor, usual_sum, missing)


def restore_networks(file: ModelFile, n_features: int, n_threads: Any) -> tuple[Network, ...]:
    """All networks of a file that holds several, for so many columns.

    Raises
    ------
    ModelFileError
        When the file does not describe any.
    """
    described = file.value("architectures", lambda a: isinstance(a, list) and len(a) > 0, "a list")
    return tuple(
        restore_network(file, one, f"params_{i}", n_features, n_threads)
        for i, one in enumerate(described)
    )


def restore_ensemble(
    file: ModelFile, n_columns: int, encoding: Encoding | None, n_threads: Any
) -> Ensemble | ResidualEnsemble:
    """The networks of a detector for a table of so many columns, and what is usual for them.

    Raises
    ------
    ModelFileError
        When the file does not describe any.
    """
    n_features = n_columns if encoding is None else encoding.n_with_others
    shift, factor = restore_whole_scaling(file, n_features)
    networks = restore_networks(file, n_features, n_threads)
    if len({network.dtype for network in networks}) > 1:
        raise file.error("its networks have different dtypes")
    usual = _positive(file, "usual", (len(networks), n_features))
    if "counts" in file.arrays:  # of version 0.1.0
        counts = file.array("counts", np.bool_, (n_features,))
        return ResidualEnsemble(networks, usual, counts, shift, factor)
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
    changed = file.value(
        "changed", lambda v: is_number(v) and 0 <= v < inf, "a number of at least 0"
    )
    return Ensemble(members, scaling, float(changed))


def restore_threshold(file: ModelFile) -> float:
    """The score above which a row is an outlier.

    Raises
    ------
    ModelFileError
        When the file has no number for it.
    """
    return float(file.value("threshold", lambda t: is_number(t) and not isnan(t), "a number"))


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


def _positive(file: ModelFile, name: str, shape: tuple[int, ...]) -> Array:
    array = file.array(name, np.float64, shape, finite=True)
    if not (array > 0).all():
        raise file.error(f"its array {name!r} has entries that are not above 0")
    return array
