"""The command line with options that fit the file, and with ones that do not.

It ends with 0, or with one line that says why not; nothing is left of an output that was not
finished, and the input is never written over without --force. A fit that was interrupted goes on to
the bytes of one that was not; from a checkpoint of another fit, or a damaged one, it does not.
"""

import contextlib
import io
import os
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest import mock

import numpy as np
from click import Option

from ae_core import Autoencoder, AutoencoderImputer, AutoencoderOutlierDetector
from ae_core.basics.shown import LONGEST
from ae_core.cli.commands import commands
from ae_core.cli.main import INTERRUPTED, main
from ae_core.estimators import checkpoints

from .mutate import change_bytes
from .table_files import FIELDS

COMMANDS = ("fit", "encode", "reconstruct", "score", "impute", "diagnose", "info")
ANY = (
    "", "0", "1", "2", "3", "-1", "0.5", "1e-3", "1e400", "nan", "inf", "x", "é", "9" * 400, "1,2", "3-1",
    "1-2,4", "2-2", "a", "b", "a,b", "nobody", '"a', ",", ";", "tab", "space", "#", "utf-16", "latin-1",
    "cp1252", "rot13", "utf-8", "y" * 2000, "\x1b[2J", "a\nb", "none", "standard", "minmax", "--top", "\u0661",
)  # fmt: skip
USUAL = {
    "max_iter": ("1", "2"), "epochs": ("1", "2"), "budget": ("0.01", "0.1"), "hidden": ("2", "3,2"),
    "n_components": ("1", "2"), "components": ("1", "2"), "separator": (",", ";", "tab"),
    "encoding": ("utf-8", "utf-16", "cp1252"), "skip": ("2-2", "3-5"), "comment": ("#", "r1"),
    "columns": ("a,b", "0,1", "a"), "drop": ("id", "a"), "keep": ("id", "a", "b"), "top": ("1", "3"),
    "contamination": ("0.1", "0.5"), "validation_fraction": ("0.2",), "seed": ("0", "7"),
    "no_value": ("-", "-999", "x,?", "r1"), "batch_size": ("4",), "learning_rate": ("0.01",), "corruption_level": ("0.2",),
}  # fmt: skip
"""Values that make sense, by the start of the option's name; they keep a run short."""
NEVER = {"help", "resume", "checkpoint", "version"}
BEFORE = (
    "nothing", "interrupted", "interrupted", "finished", "other data", "other options", "damaged", "damaged",
    "cut short", "empty", "a model", "a table", "a folder",
)  # fmt: skip
"""What there is at --checkpoint when a fit begins."""


class Made(NamedTuple):
    """A file's content, and the command's arguments with {data}, {model} and {out}."""

    content: bytes
    arguments: list[str]
    before: str = ""
    """One of BEFORE, for a fit with a checkpoint."""
    more: tuple[str, ...] = ()
    """Other options of the fit that wrote the checkpoint."""
    model: str = ""
    """One of those of `_models`; empty: any."""
    n_rows: int | None = None
    """Rows of the table, where it is known that it can be read."""


FITTING = {
    "encode": ("plain", "named", "of missing", "mixed"),
    "reconstruct": ("plain", "named", "of missing", "mixed"),
    "impute": ("of missing", "imputer", "mixed"),
    "score": ("plain", "named", "of missing", "mixed", "detector"),
    "diagnose": ("plain", "named", "of missing", "mixed", "detector"),
    "info": ("plain", "named", "of missing", "mixed", "detector", "imputer"),
}
"""Models that a command can use."""


@cache
def _models() -> dict[str, bytes]:
    """What `save` writes of several estimators."""
    import pandas as pd

    draw = np.random.default_rng(0)
    X = draw.normal(size=(30, 2))
    frame = pd.DataFrame(X, columns=["a", "b"])
    mixed = frame.assign(kind=draw.choice(["x", "y"], 30), flag=X[:, 0] > 0)
    few = {"max_iter": 2, "hidden_layer_sizes": (3,), "random_state": 0, "n_threads": 1}
    quick = {"n_components": 1, "n_steps": 3, "random_state": 0, "n_threads": 1}
    estimators = {
        "plain": Autoencoder(1, **few).fit(X),
        "named": Autoencoder(1, **few).fit(frame),
        "of missing": Autoencoder(1, missing_values="mask", **few).fit(X),
        "mixed": Autoencoder(1, missing_values="mask", columns="mixed", **few).fit(mixed),
        "detector": AutoencoderOutlierDetector(**quick).fit(X),
        "imputer": AutoencoderImputer(n_networks=1, hidden_layer_sizes=(3,), random_state=0).fit(
            frame
        ),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, estimator in estimators.items():
            path = Path(folder) / "model"
            estimator.save(path)
            found[name] = path.read_bytes()
    return found


# --- what fits together ----------------------------------------------------------------------------


def _written(random: Random, number: float, decimal: str, thousands: str) -> str:
    text = f"{number:,.3f}" if thousands else f"{number:.3f}"
    signs = {",": thousands, ".": decimal}
    return "".join(signs.get(sign, sign) for sign in text)


def make_fitting(random: Random) -> Made:
    """A file, the options that say how it is written, and a command that can use it."""
    name = random.choice(("fit", "encode", "reconstruct", "score", "impute", "diagnose", "info"))
    model = random.choice(FITTING.get(name, ("",)))
    separator, spoken = random.choice(((",", ","), (";", ";"), ("\t", "tab"), ("|", "|")))
    decimal = random.choice((".", ".", ",")) if separator != "," else "."
    thousands = random.choice(("", "", "'", "_", "space")) if separator != "," else ""
    encoding = random.choice(("utf-8",) * 4 + ("utf-16", "cp1252", "latin-1", "utf-16-le"))
    na, comment = random.choice(("", "", "-", "-999")), random.choice(("", "", "#", "//"))
    is_mixed = model == "mixed" or (name == "fit" and random.random() < 0.3)
    names = ["a", "b", *(["kind", "flag"] if is_mixed else [])]
    has_id = model not in ("plain", "of missing", "detector") or random.random() < 0.5
    order = [*(["id"] if has_id else []), *names]
    if model in ("named", "mixed", "imputer"):
        random.shuffle(order)
    may_miss = model in ("of missing", "mixed", "imputer") or (name == "fit" and bool(na))
    n_rows = random.choice((1, 5, 30, 30, 30)) if name != "fit" else 30
    options = ["--separator", spoken, "--encoding", encoding]
    options += ["--decimal", decimal] if decimal != "." or random.random() < 0.3 else []
    options += ["--thousands", thousands] if thousands else []
    options += ["--na", na] if na else []
    lines = [separator.join(order)]
    sign = {"space": " "}.get(thousands, thousands)
    for i in range(n_rows):
        cells = {
            "id": f'"r {i}, é"',
            "a": _written(random, random.gauss(0, 2000), decimal, sign),
            "b": _written(random, random.gauss(0, 1), decimal, sign),
            "kind": random.choice("xy"),
            "flag": random.choice(("true", "false")),
        }
        if may_miss and random.random() < 0.2:
            cells[random.choice(names)] = na
        lines.append(separator.join(cells[each] for each in order))
    if comment:
        options += ["--comment", comment]
        lines.insert(random.randrange(len(lines)), f"{comment} it's a \"comment")
    if random.random() < 0.2:
        options += ["--skip", "2"]
        lines[:0] = ["Report;of,\tlast|week", ""]
    content = random.choice(("\n", "\r\n", "\r")).join([*lines, ""]).encode(encoding)
    arguments = [name, *(["{data}"] if name == "fit" else ["{model}", "{data}"])]
    if name == "info":
        return Made(content, [name, "{model}"], model=model, n_rows=n_rows)
    if name == "fit":
        kind = random.choice(("", "", "--outliers", "--imputer"))
        few = {"": ["--epochs", "2", "-k", "1"], "--imputer": ["--hidden", "3"]}
        arguments += ["-o", "{out}.safetensors", *few.get(kind, ["-k", "1"]), "--threads", "1"]
        arguments += [kind] if kind else []
        arguments += ["--mixed"] if is_mixed else []
        arguments += ["--missing"] if may_miss or random.random() < 0.1 else []
        arguments += ["--drop", "id"] if has_id else []
        return Made(content, [*arguments, *options], n_rows=n_rows)
    if has_id and model in ("plain", "of missing", "detector"):  # which know no names
        options += (
            [random.choice(("--drop", "--keep")), "id"] if name != "diagnose" else ["--drop", "id"]
        )
    if name == "diagnose":
        return Made(content, [*arguments, "--no-trials", *options], model=model, n_rows=n_rows)
    elif has_id and random.random() < 0.5:
        options += ["--keep", "id"]
    arguments += ["-o", "{out}" + random.choice((".csv", ".csv", ".tsv.gz", ".parquet"))]
    return Made(content, [*arguments, *options], model=model, n_rows=n_rows)


# --- what does not ---------------------------------------------------------------------------------


def _csv(random: Random) -> bytes:
    separator = random.choice((*",,,,,,", ";", "\t", " "))
    names = random.choice((*[["a", "b"]] * 6, ["id", "a", "b"], ["a", "a"], ["\x1b[2J", "=1+1"]))
    lines = [separator.join(names)] if random.random() < 0.9 else []
    spoiled = random.choice((0, 0, 0, 0, 0, 0, 0.2))
    for i in range(random.choice((0, 1, 3, *[30] * 9))):
        fields = [f"{random.gauss(0, 1):.3f}" for _ in names]
        if names[0] == "id":
            fields[0] = f"r{i}"
        if random.random() < spoiled:
            fields[random.randrange(len(fields))] = random.choice(("", *FIELDS))
        lines.append(separator.join(fields))
    return ("\n".join(lines) + "\n").encode(random.choice(("utf-8",) * 9 + ("utf-16",)), "replace")


def _values(random: Random, option: Option) -> list[str]:
    name = option.name or ""
    flag = random.choice([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return [flag]
    choices = getattr(option.type, "choices", ())
    if choices and random.random() < 0.8:
        return [flag, str(random.choice(list(choices)))]
    usual = next((values for start, values in USUAL.items() if name.startswith(start)), ())
    if usual and random.random() < 0.85:
        return [flag, random.choice(usual)]
    return [flag, random.choice(ANY)]


def make(random: Random) -> Made:
    """A file and a command's arguments."""
    if random.random() < 0.4:
        made = make_fitting(random)
        known = _options_of(made.arguments[0])
        if random.random() < 0.7 or not known:
            return made
        option = random.choice(known)
        return made._replace(arguments=[*made.arguments, *_values(random, option)], n_rows=None)
    name = random.choice(COMMANDS)
    arguments = [name]
    if name in ("info",):
        arguments.append("{model}")
    elif name == "fit":
        arguments += [
            "{data}",
            "-o",
            random.choice(("{out}.safetensors",) * 8 + ("{data}", "{none}/x")),
        ]
        arguments += ["--epochs", "2", "-k", "1", "--threads", "1"]
    else:
        given = ["{model}", "{data}"]
        if name == "diagnose" and random.random() < 0.5:
            given = ["{data}"]
        arguments += random.choice((*[given] * 9, given[::-1]))
        if name != "diagnose":
            ends = (".csv", ".csv", ".npy", ".parquet", ".tsv.gz", ".txt", "")
            outs = ("-", "{data}", "{model}", "{none}/x.csv", "{folder}")
            out = random.choice(("{out}.csv", "{out}.csv", "{out}" + random.choice(ends)))
            arguments += ["-o", random.choice((out, out, out, random.choice(outs)))]
        else:
            arguments += ["--no-trials"]
    known = _options_of(name)
    for option in random.sample(known, min(len(known), random.choice((0, 1, 1, 2, 3)))):
        arguments += _values(random, option)
    if name == "score" and random.random() < 0.3:
        arguments += ["--top", random.choice(ANY)]
    if name == "fit" and random.random() < 0.4:
        arguments += ["--checkpoint", "{folder}/fit.ckpt", *["--resume"] * (random.random() < 0.9)]
        more = [value for option in random.sample(known, 2) for value in _values(random, option)]
        return Made(_csv(random), arguments, random.choice(BEFORE), tuple(more))
    return Made(_csv(random), arguments)


def _options_of(command: str) -> list[Option]:
    """All but those that a run has of its own."""
    params = commands.commands[command].params
    return [p for p in params if isinstance(p, Option) and p.name not in NEVER | {"output"}]


def run(made: Made, folder: Path, random: Random) -> str:
    """Run it, and look at what it says and at what it leaves."""
    for each in folder.iterdir():
        each.rmdir() if each.is_dir() else each.unlink()
    data, model = folder / "data.csv", folder / "model.safetensors"
    data.write_bytes(made.content)
    models = _models()
    content_of_model = models[made.model or _model_for(made.arguments[0], random)]
    model.write_bytes(content_of_model)
    places = {
        "data": data, "model": model, "out": folder / "out", "none": folder / "no", "folder": folder
    }  # fmt: skip
    arguments = made.arguments
    for name, place in places.items():
        arguments = [each.replace(f"{{{name}}}", str(place)) for each in arguments]
    if "-q" not in arguments and "--quiet" not in arguments and arguments[0] == "fit":
        arguments = [*arguments, "-q"]
    expected = _prepare(made, arguments, folder, random) if made.before else None
    checkpoint = folder / "fit.ckpt"
    kept = checkpoint.read_bytes() if checkpoint.is_file() else None
    code, said = _said(arguments)
    what = f"{' '.join(arguments)[:600]!r} says {said[:600]!r}"
    for words in ("Traceback", "failed with"):
        assert words not in said, f"another's error: {what}"
    left = {each.name for each in folder.iterdir()} - {"data.csv", "model.safetensors"}
    left -= {"fit.ckpt"} if made.before else set()
    spoiled = ("damaged", "cut short", "empty", "a model", "a table")
    if kept is not None and made.before in spoiled and code != 0:
        assert checkpoint.read_bytes() == kept, f"wrote over what was no checkpoint: {what}"
    if expected is not None:
        assert code == 0, f"does not go on: {what}"
        assert (folder / "out.safetensors").read_bytes() == expected, f"other bytes: {what}"
    if made.n_rows is not None:
        assert code == 0, f"is refused: {what}"
        for name in left & {"out.csv"}:  # the last row stands, too
            n_lines = len((folder / name).read_text("utf-8").splitlines())
            assert n_lines == made.n_rows + 1, f"{n_lines} lines of {made.n_rows} rows: {what}"
    if code == 0:
        assert len(left) <= 1, f"left {left}: {what}"
    else:
        assert code in (1, 2), f"ended with {code}: {what}"
        assert not left, f"left {left} after an error: {what}"
        errors = [line for line in said.splitlines() if ": warning: " not in line]
        assert len(errors) == 1, f"{len(errors)} lines: {what}"
        assert len(errors[0]) <= LONGEST, f"{len(errors[0])} characters: {what}"
    assert said.replace("\n", "").isprintable(), f"raw control characters: {what!r}"
    if "--force" not in arguments or code != 0:
        assert data.read_bytes() == made.content, f"wrote over its input: {what}"
        if arguments[0] != "fit":
            assert model.read_bytes() == content_of_model, f"wrote over the model: {what}"
    return f"{arguments[0]} {'done' if code == 0 else 'refused'}"


def _model_for(command: str, random: Random) -> str:
    """One that a command can use, or now and then any."""
    every = tuple(_models())
    return random.choice(FITTING.get(command, every) if random.random() < 0.8 else every)


def _prepare(made: Made, arguments: list[str], folder: Path, random: Random) -> bytes | None:
    """Put at --checkpoint what is there before; gives what the fit should write, if that is known."""
    checkpoint, data, out = folder / "fit.ckpt", folder / "data.csv", folder / "out.safetensors"
    if made.before == "nothing":
        return None
    if made.before == "a folder":
        checkpoint.mkdir()
        return None
    if made.before in ("empty", "a model", "a table"):
        contents = {
            "empty": b"",
            "a model": random.choice(list(_models().values())),
            "a table": made.content,
        }
        checkpoint.write_bytes(contents[made.before])
        return None
    first = [each for each in arguments if each != "--resume"]
    if made.before == "other data":
        data.write_bytes(made.content + made.content.splitlines(keepends=True)[-1])
    if made.before == "other options":
        first += made.more
    found = None
    if made.before == "interrupted":
        code, _ = _said(first)
        found = out.read_bytes() if code == 0 and out.is_file() else None
        checkpoint.unlink(missing_ok=True)
        with mock.patch.object(checkpoints, "write_file", _interrupting()):
            code, said = _said(first)
        assert code == INTERRUPTED or found is None, f"not interrupted: {said}"
    else:
        _said(first)
    out.unlink(missing_ok=True)
    for name, content in (("data.csv", made.content), ("model.safetensors", None)):
        if content is not None:
            (folder / name).write_bytes(content)
    if checkpoint.is_file() and made.before in ("damaged", "cut short"):
        content = checkpoint.read_bytes()
        cut = content[: random.randrange(len(content))]
        checkpoint.write_bytes(cut if made.before == "cut short" else change_bytes(random, content))
    return found if checkpoint.is_file() and "--resume" in arguments else None


def _interrupting():
    """What writes a checkpoint, and then is like Ctrl-C."""
    write = checkpoints.write_file

    def interrupting(*arguments, **named):
        write(*arguments, **named)
        raise KeyboardInterrupt

    return interrupting


def _said(arguments: list[str]) -> tuple[int, str]:
    """The exit code, and standard error."""
    out, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    os.environ.pop("AE_CORE_TRACEBACK", None)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main(arguments)
    return code, errors.getvalue()
