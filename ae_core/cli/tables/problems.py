"""What is wrong with cells that should be numbers, and what to do about it.

The reader notes each; from all of them comes one message, about the first, with the option or the
change that makes that very cell readable.
"""

import math
import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .columns import (
    NO_VALUE,
    Advice,
    TableError,
    bad_value,
    drop_option,
    not_numbers,
    quoted_name,
    short,
)
from .dates import seems_a_date
from .layout import COMMENTS, Start, units_line
from .records import SPACES, Grammar

WORDS = re.compile(
    r"-+|\.+|none|nil|missing|unknown|n\.?\s?a\.?|n\.?\s?d\.?|k\.\s?a\.|not available|\*+"
    r"|#(DIV/0|REF|VALUE|NAME|NUM|NULL)[!?]",
    re.IGNORECASE,
)
"""What stands for no value now and then."""
THOUSANDS = {",": "commas", ".": "points", "'": "apostrophes", "_": "underscores", " ": "spaces"}
TYPED = {"'": '"\'"', " ": "space", ",": "','"}
"""How what parts thousands is typed as an option."""
SIGNS = dict.fromkeys("\u2212\u2013\u2012\uff0d\ufe63", "-") | {
    "\uff0b": "+",
    "\uff0e": ".",
    "\uff0c": ",",
}
"""Signs that look like those of numbers."""
BOUNDS = ("<", ">", "<=", ">=", "≤", "≥")
LINES_SHOWN = 12
LETTERS_OF_CURRENCIES = re.compile(
    r"EUR|USD|GBP|CHF|JPY|CNY|RMB|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|BRL|R\$|US\$"
    r"|A\$|C\$|Rs\.?|kr\.?|Fr\.?|zł|Kč|Ft",
)
NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass
class _Texts:
    """The cells of a column that are no numbers."""

    line: int
    cell: str
    count: int = 0


@dataclass
class Problems:
    """Cells that can't be used, in the order in which they stand in the file.

    Parameters
    ----------
    start : Start
    chosen : sequence of int
        Places of the columns that are read.
    advice : Advice
    """

    start: Start
    chosen: Sequence[int]
    advice: Advice
    missing: bool = False
    """Whether values may be missing."""
    texts: dict[int, _Texts] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    """Lines that have the columns' names again."""
    unusable: TableError | None = None
    count: int = 0

    def __bool__(self) -> bool:
        return bool(self.texts) or bool(self.repeated) or self.unusable is not None

    def note(self, line: int, place: int, cell: str, number: float | None, limits: str) -> None:
        """Note a cell that is no number, or one that can't be used: missing, infinite or beyond
        `limits`, the name of a dtype.
        """
        self.count += 1
        if number is None:
            self.texts.setdefault(place, _Texts(line, cell)).count += 1
            return
        if self.unusable is None:
            what = f"is {short(cell)}" + (f", beyond {limits}" if math.isfinite(number) else "")
            if math.isnan(number):
                what = NO_VALUE
            self.unusable = bad_value(self.start.names[place], f"line {line}", what, self.advice)

    def refuse(self, error: TableError) -> None:
        """Note what is wrong with a cell, in other words."""
        self.count += 1
        self.unusable = self.unusable or error

    def error(self, n_rows: int) -> TableError:
        """The message, when that many rows were looked at."""
        in_order = sorted(self.texts.items(), key=lambda item: item[1].line)
        if self.repeated and (not in_order or self.repeated[0] < in_order[0][1].line):
            return self._about_names()
        if not in_order:
            assert self.unusable is not None
            return self.unusable
        place, first = in_order[0]
        return (
            self._about_line(first.line, first.cell if place == 0 else "")
            or self._about_cell(place, first)
            or self._about_columns(place, first, n_rows)
        )

    # --- lines that are none of the table --------------------------------------------------------

    def about_first_line(self) -> TableError | None:
        """What is wrong with the table from its first record on, if anything is."""
        if not self.start.sample:
            return None
        names, sample = self.start.names, zip(self.start.lines, self.start.sample, strict=True)
        if self.start.named:
            self.repeated = [line for line, row in sample if has_names_again(row, names)]
        if self.repeated:
            return self._about_names()
        return self._about_line(self.start.lines[0], self.start.sample[0][0])

    def note_names(self, line: int) -> None:
        """Note a line that has the columns' names again."""
        self.count += 1
        self.repeated.append(line)

    def _about_names(self) -> TableError:
        shown = self.repeated[:LINES_SHOWN]
        left_out = ",".join(f"{line}-{line}" for line in shown)
        more = ",…" if len(self.repeated) > len(shown) else ""
        return TableError(
            f"line {shown[0]} has the columns' names again: leave such lines out with --skip "
            f"{left_out}{more}"
        )

    def _about_line(self, line: int, cell: str) -> TableError | None:
        """What is wrong with a whole line; `cell` is its first, where that is no number."""
        sample = dict(zip(self.start.lines, self.start.sample, strict=True))
        cells = sample.get(line, [])
        begins = cells[0] if cells else cell
        if begins.startswith(COMMENTS[:2]) and not stands_for_none(begins):
            return a_comment(line, begins)
        if units_line(self.start, self.chosen) == line:
            shown = ", ".join(short(cell, 12) for cell in cells[:4]) + (", …" if cells[4:] else "")
            return TableError(
                f"line {line} ({shown}) has no numbers, and the lines after it have: if these are "
                f"units, or more names, leave it out with --skip {line}-{line}"
            )
        return None

    # --- what one cell has that numbers do not ---------------------------------------------------

    def _about_cell(self, place: int, first: _Texts) -> TableError | None:
        name = self.start.names[place]
        found = what_to_do(first.cell, self.start.grammar, self.missing)
        if found is None and self.advice.can_drop and seems_a_date(first.cell):
            found = "looks like a date", "write dates as 2020-12-31 and add --mixed"
        if found is None:
            return None
        what, advice = found
        drop = f"; or leave the column out with {drop_option([name], 40)}"
        return TableError(
            f"column {short(name)}, line {first.line}: {short(first.cell)} {what}: {advice}"
            f"{drop if self.advice.can_drop else ''}"
        )

    def _about_columns(self, place: int, first: _Texts, n_rows: int) -> TableError:
        names = self.start.names
        if len(self.texts) == 1 and first.count <= max(1, n_rows // 10) and n_rows > 2:
            few = f"{first.count} of {n_rows} values are not numbers"
            what = f"is {short(first.cell)} ({few})"
            return bad_value(names[place], f"line {first.line}", what, self.advice)
        examples = {
            names[place]: (f"line {texts.line}", texts.cell)
            for place, texts in sorted(self.texts.items(), key=lambda item: item[1].line)
        }
        return not_numbers(examples, self.advice)


# What a cell has that numbers do not. Each gets the cell and the grammar it is no number in; gives
# what it has, and what makes it a number; or None.

_Found = tuple[str, str] | None


def what_to_do(cell: str, grammar: Grammar, missing: bool = False) -> _Found:
    """What a cell has that numbers do not, and what makes it one; None when it is just text.

    Parameters
    ----------
    cell : str
    grammar : Grammar
    missing : bool
        Whether values may be missing.
    """
    cell = cell.strip(" \t")
    if stands_for_none(cell):
        typed = shlex.quote(quoted_name(cell))
        options = f"--na {typed}" + ("" if missing else " --missing")
        return "may stand for no value", f"leave such cells empty, or add {options}"
    if NOT_UTF8.search(cell) is not None:
        return "has bytes that are no UTF-8", "add --encoding cp1252, or the one it was written in"
    looks = (_signs_of_numbers, _invisible, _other_digits, _other_notation, _sign_behind, _around)
    return next((found for look in looks if (found := look(cell, grammar)) is not None), None)


def stands_for_none(cell: str) -> bool:
    """Whether a cell may stand for no value."""
    return WORDS.fullmatch(cell.strip(" \t")) is not None


def is_written_otherwise(cell: str, grammar: Grammar) -> bool:
    """Whether a cell would be a number with other signs for decimals and thousands."""
    return options_for(cell.strip(" \t"), grammar) is not None


def _reads(cell: str, grammar: Grammar) -> bool:
    number = grammar.number(cell)
    return number is not None and math.isfinite(number)


def options_for(cell: str, grammar: Grammar) -> tuple[str, str] | None:
    """The decimal sign, and what parts thousands, by which a cell would be a number."""
    decimals = (grammar.decimal, "," if grammar.decimal == "." else ".")
    tries = [(decimals[1], grammar.thousands)]
    tries += [(decimal, sign) for decimal in decimals for sign in THOUSANDS if sign != decimal]
    for decimal, sign in tries:
        if sign != decimal and _reads(cell, replace(grammar, decimal=decimal, thousands=sign)):
            return decimal, sign
    return None


def _signs_of_numbers(cell: str, grammar: Grammar) -> _Found:
    options = options_for(cell, grammar)
    if options is None:
        return None
    decimal, sign = options
    if decimal != grammar.decimal and sign == grammar.thousands:
        advice = f"if that is the decimal sign, add --decimal {decimal}; if it parts thousands, "
        if _reads(cell, replace(grammar, thousands=decimal)) and not grammar.thousands:
            advice += f"--thousands {TYPED.get(decimal, decimal)}"
        else:
            advice += "take it out"
        return f"has a {'comma' if decimal == ',' else 'point'}", advice
    spaces = [c for c in cell if c in SPACES]
    typed = f"--thousands {TYPED.get(sign, sign)}"
    if decimal != grammar.decimal:
        typed = f"--decimal {decimal} {typed}"
    elif sign == " " and spaces and not re.search(rf"[0-9][{SPACES}]+[0-9]", cell):
        return f"has {character(spaces[0])} in it", f"take it out, or add {typed}"
    return f"has {THOUSANDS[sign]} that part thousands", f"add {typed}"


def _invisible(cell: str, grammar: Grammar) -> _Found:
    odd = [c for c in cell if c.isspace() or unicodedata.category(c) in ("Cc", "Cf")]
    odd = [c for c in odd if c not in " \t"]
    if odd and _reads_or_may("".join(c for c in cell if c not in odd), grammar):
        return f"has {character(odd[0])} in it", "take it out"
    return None


def _other_digits(cell: str, grammar: Grammar) -> _Found:
    plain = "".join(SIGNS.get(c) or str(unicodedata.digit(c, c)) for c in cell)
    if plain == cell or not _reads_or_may(plain, grammar):
        return None
    odd = next(c for c, own in zip(cell, plain, strict=True) if c != own)
    return f"has {character(odd)}", f"write {short(plain)}"


def _other_notation(cell: str, grammar: Grammar) -> _Found:
    """Exponents and integers as programs write them, and infinities of old compilers."""
    if re.fullmatch(r"-?1\.#INF0*", cell):
        return "is an infinity", "leave such cells empty, or put a number there"
    exponent = re.fullmatch(r"([-+]?[0-9.,]+)[dDqQ]([-+]?[0-9]+)", cell)
    if exponent is not None and _reads(number := f"{exponent[1]}E{exponent[2]}", grammar):
        return "has another letter than E before its exponent", f"write {short(number)}"
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", cell):
        return "is hexadecimal", f"write {short(str(int(cell, 16)))}"
    return None


def _sign_behind(cell: str, grammar: Grammar) -> _Found:
    """A minus sign behind the number, as some ledgers have it."""
    match = re.fullmatch(rf"([0-9].*[0-9.,]|[0-9])[ \t]*([-+{''.join(SIGNS)}])", cell, re.DOTALL)
    if match is None or not _reads_or_may(match[1], grammar):
        return None
    sign = SIGNS.get(match[2], match[2])
    if sign not in ("-", "+"):
        return None
    return "has its sign behind the number", f"write {short(sign + match[1])}"


def _around(cell: str, grammar: Grammar) -> _Found:
    """A number with a percent sign, a currency, a unit or quotes around it."""
    match = re.fullmatch(r"(\D*?)([-+]?[0-9](?:.*[0-9])?[.,]?)(\D*)", cell, re.DOTALL)
    if match is None:
        return None
    before, number, behind = (part.strip() for part in match.groups())
    around = before + behind
    if not around or len(around) > 12 or not _reads_or_may(number, grammar):
        return None
    if before in BOUNDS and not behind:
        return "is a bound, not a value", "put a number there, or leave such cells empty"
    if any(c.isalpha() for c in before) and not LETTERS_OF_CURRENCIES.fullmatch(before):
        return None  # such as R12: it names something
    what = f"has {short(around)} beside the number"
    if behind == "%" and not before:
        what = "ends in a percent sign"
    elif any(unicodedata.category(c) == "Sc" for c in around) or any(
        LETTERS_OF_CURRENCIES.fullmatch(part) for part in (before, behind)
    ):
        what = "has the sign of a currency"
    elif before in ("(", "-(") and behind == ")":
        return "is in parentheses", "write what is less than nothing with a minus sign"
    options = options_for(number, grammar)
    if options is None or _reads(number, grammar):
        return what, "take it out"
    decimal, sign = options
    more = f" --decimal {decimal}" if decimal != grammar.decimal else ""
    more += f" --thousands {TYPED.get(sign, sign)}" if sign else ""
    return what, f"take it out, and add{more}"


def _reads_or_may(cell: str, grammar: Grammar) -> bool:
    return _reads(cell, grammar) or options_for(cell, grammar) is not None


def character(c: str) -> str:
    """A character by its number and name, such as 'a no-break space (U+00A0)'."""
    name = unicodedata.name(c, "control character" if c < " " else "character").lower()
    article = "an" if name[0] in "aeiou" else "a"
    return f"{article} {name} (U+{ord(c):04X})"


def has_names_again(cells: list[str], names: list[str]) -> bool:
    """Whether a record has the columns' names, as where files were joined."""
    said = [cell.strip(" \t\ufeff") for cell in cells]
    return said == names and len(names) > 1


def ragged(start: Start, line: int, cells: list[str]) -> TableError:
    """The error for a record that has more or fewer fields than there are columns."""
    if cells[0].startswith(COMMENTS[:2]):
        return a_comment(line, cells[0])
    n_columns = len(start.names)
    is_longer = len(cells) > n_columns and not any(cells[n_columns:])
    hint = ", and ends in separators" if is_longer else ""
    return TableError(
        f"line {line} has {len(cells)} fields, and there are {n_columns} columns{hint}: correct "
        f"that line, or leave it out with --skip {line}-{line}"
    )


def a_comment(line: int, text: str) -> TableError:
    """The error for a line among others that seems to be a comment."""
    mark = next(mark for mark in COMMENTS if text.startswith(mark))
    return TableError(
        f"line {line} ({short(text)}) seems to be a comment: add --comment '{mark}', or leave it "
        f"out with --skip {line}-{line}"
    )
