"""Options that are parameters of the estimators: help and defaults from their records."""

from typing import Any

import click

from ..basics.arguments import Check, Either, Integer, Number, OneOf
from ..estimators.constructors import (
    AutoencoderParameters,
    DataParameters,
    LayerParameters,
    TrainingParameters,
)
from ..estimators.detector_parameters import DetectorParameters
from ..estimators.records import Parameter, parameters_of

OF_AUTOENCODERS = {
    record.name: record
    for group in (LayerParameters, TrainingParameters, DataParameters, AutoencoderParameters)
    for record in parameters_of(group)
}
OF_DETECTORS = {record.name: record for record in parameters_of(DetectorParameters)}


def parameter_option(
    *names: str, parameter: str, default_words: str = "", none: str = "", **options: Any
) -> Any:
    """The option that stands for a parameter.

    Parameters
    ----------
    names : str
        Of the option, such as ``"-k", "--components"``.
    parameter : str
        Of `Autoencoder`, or else of `AutoencoderOutlierDetector`.
    default_words : str
        What the help says of the default, where that is no number or name.
    none : str
        A name that stands for the parameter's None.
    options
        Of `click.option`, where the record does not say it.
    """
    record = OF_AUTOENCODERS.get(parameter) or OF_DETECTORS[parameter]
    check = record.check.other if isinstance(record.check, Either) else record.check
    return click.option(
        *names,
        parameter,
        **{
            "type": _type(check, none),
            "help": _help(record, default_words, has_default="default" in options),
            **options,
        },
    )


def _type(check: Check, none: str) -> Any:
    if isinstance(check, OneOf):
        return click.Choice([*check.names, *([none] if none else [])])
    return {Integer: int, Number: float}.get(type(check), int)


def _help(record: Parameter, default_words: str, has_default: bool) -> str:
    """The record's meaning and default; and the detector's, where these are others."""
    other = OF_DETECTORS.get(record.name, record)
    if isinstance(record.check, OneOf) and other.default != record.default:
        theirs = other.meaning[:1].lower() + other.meaning[1:-1]
        return (
            f"{record.meaning[:-1]} ({record.default}); with --outliers {theirs} ({other.default})."
        )
    default = default_words
    if not default and record.default not in (None, "auto"):
        default = str(record.default)
    if other.default != record.default:
        theirs = "several sizes" if other.default == "auto" else str(other.default)
        default = f"{default}; with --outliers {theirs}"
    return record.meaning + ("" if has_default or not default else f"  [default: {default}]")
