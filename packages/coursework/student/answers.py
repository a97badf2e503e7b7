"""The form of an answer, told before the deadline: its type and range, never its value.

`answers.yaml` lists the form of every answer. The rubric, which knows the values, is
another file and is not read here.
"""

import dataclasses
import functools
import math
import pathlib
import re

from coursework.yaml_file import read_yaml

FORMS = pathlib.Path(__file__).with_name("answers.yaml")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,'\d]*\d)?|\.\d+)(?:e[+-]?\d{1,3})?")
# One within a text; the 2 of GPT-2 is none.
_INSIDE = re.compile(
    r"(?<![\w.,'−–-])[+−–-]?(?:\d+(?:[.,'\d]*\d)?|\.\d+)(?:e[+−–-]?\d{1,3})?"
    r"(?![.,'\d]*\d)(?:\s?%)?"
)


# === Numbers ===


def read_numbers(answer):
    """Read an answer as a number, in the usual ways of writing one.

    Args:
        answer: string or number. `"0.53"`, `"53 %"`, `"1,234"`, `"0,53"`.

    Returns:
        A list of floats, the readings: a comma may separate thousands or begin
        decimals, and 53 % may be 53 or 0.53. Empty if it is not a number.

    Example:
    ```python
    read_numbers("53 %")  # [53.0, 0.53]
    ```
    """
    if isinstance(answer, bool):
        return []
    if isinstance(answer, int | float):
        return [float(answer)]
    text = re.sub(r"[−–]", "-", re.sub(r"\s", "", answer)).rstrip(".").lower()
    percent = text.endswith("%")
    text = text.removesuffix("%")
    if len(text) > 40 or not _NUMBER.fullmatch(text):
        return []
    readings = []
    for each in (text.replace(",", "").replace("'", ""), text.replace(",", ".")):
        try:
            number = float(each)
        except ValueError:
            continue
        if math.isfinite(number) and number not in readings:
            readings.append(number)
    return readings + [number / 100 for number in readings if percent]


def first_numbers(answer):
    """Read the first number of an answer that goes on in words.

    Args:
        answer: string or number.

    Returns:
        A list of floats, as of `read_numbers`; empty if there is none.

    Example:
    ```python
    first_numbers("About 0.53, since GPT-2 …")  # [0.53]
    ```
    """
    if not isinstance(answer, str):
        return read_numbers(answer)
    found = _INSIDE.search(answer[:1000])
    return read_numbers(found[0]) if found else []


# === Forms ===


@dataclasses.dataclass(frozen=True)
class Form:
    """What an answer has to look like.

    Args:
        number: tuple of two numbers or `None`. The range that it must lie in.
        unit: string. In what, `"percent"`.
        one_of: tuple of strings. The names to choose from.
        words: int. The fewest; with a number or a name, that comes first.
    """

    number: tuple | None = None
    unit: str = ""
    one_of: tuple = ()
    words: int = 0

    def __str__(self):
        parts = []
        if self.number:
            low, high = self.number
            unit = f", in {self.unit}" if self.unit else ""
            parts.append(f"a number from {low:g} to {high:g}{unit}")
        if self.one_of:
            parts.append(f"one of {', '.join(self.one_of)}")
        if self.words:
            parts.append(f"{'in all ' if parts else ''}at least {self.words} words")
        return "; ".join(parts)

    def lacks(self, answer):
        """Say what an answer lacks, `""` if it has the form."""
        if not isinstance(answer, str | int | float | None):
            return "is no text and no number"
        text = "" if answer is None else str(answer).strip()
        if not text:
            return "is empty"
        if self.number:
            numbers = (first_numbers if self.words else read_numbers)(answer)
            if not numbers:
                return "has no number" if self.words else "is no number"
            low, high = self.number
            if not any(low <= number <= high for number in numbers):
                return f"says {numbers[0]:g}, which is out of range"
        if self.one_of and not begins_with(text, self.one_of, whole=not self.words):
            return f"{'begins with' if self.words else 'is'} none of the names"
        count = len(text.split())
        if count < self.words:
            return f"has {count} word{'' if count == 1 else 's'}"
        return ""


_OUTER = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~“”„‘’«»"


def tidy(text):
    """Write a name without case, and without punctuation around it."""
    return " ".join(str(text).casefold().split()).strip(_OUTER)


def begins_with(text, names, whole=False):
    """Whether a text is one of some names, or begins with one.

    Args:
        text: string.
        names: sequence of strings.
        whole: bool. Whether nothing may follow.

    Returns:
        A bool.

    Example:
    ```python
    begins_with("Findings: they …", ["findings"])  # True
    ```
    """
    text = tidy(text)
    for name in map(tidy, names):
        if text == name or (
            not whole and re.match(re.escape(name) + r"(?!\w)", text) and name
        ):
            return True
    return False


@functools.cache
def forms():
    """The forms of all answers: notebook → exercise → `Form`."""
    found = {}
    for notebook, answers in read_yaml(FORMS, what="forms of the answers").items():
        found[notebook] = {
            str(number): Form(
                tuple(form["number"]) if "number" in form else None,
                form.get("unit", ""),
                tuple(map(str, form.get("one_of", ()))),
                form.get("words", 0),
            )
            for number, form in answers.items()
        }
    return found


def about_answer(notebook, number, answer):
    """Say whether an answer has the form asked for, without telling what is right.

    Args:
        notebook: string. Its name without suffix.
        number: string. The exercise's.
        answer: string, number or `None`.

    Returns:
        A string, one line; `""` for an exercise that `answers.yaml` does not know.

    Example:
    ```python
    about_answer("01_data", "1", 99)
    # "Answer 1 says 99, which is out of range; asked for: a number from 0 to 1."
    ```
    """
    form = forms().get(notebook, {}).get(str(number))
    if form is None:
        return ""
    lacks = form.lacks(answer) or "has the form asked for"
    return f"Answer {number} {lacks}; asked for: {form}."
