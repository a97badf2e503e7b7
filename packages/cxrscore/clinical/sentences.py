"""A report's sentences: short forms written out, lists and missing spaces split."""

import re
import textwrap

from cxrscore.clinical.cues import SHORT
from cxrscore.texts.plain import plain

_SHORT = [(re.compile(pattern, re.IGNORECASE), words) for pattern, words in SHORT]
_ABBREVIATED = re.compile(r"\b(vs|approx|Dr)\.", re.IGNORECASE)
_END = re.compile(
    r"(?<![.!])[.!]+(?=\s|$)"
    r"|(?<=[a-z)]{2})\.(?=[A-Za-z]{2})"  # A space is often missing: "apex.There".
    r"|(?:^|(?<=\s))\(?\d{1,2}[.)](?=\s|[A-Z])"  # "1. …" and "2) …" of a list.
    r"|;|\n\s*\n|\s[-*•]\s"
)
# The time to read a sentence grows with the square of its length, and a stuck decoder
# never writes a full stop. The longest of 24,000 real texts has 337.
LONGEST = 400


def sentences(text):
    """Split a report into its sentences, in lower case with single spaces.

    Short forms are written out ("Effusion: none", "Ø effusion", "Effusion? No."), and
    what is longer than `LONGEST` letters is cut between two words.

    Args:
        text: string. A report, with or without numbers, or a missing value.

    Returns:
        A list of strings without their final stops.

    Example:
    ```python
    sentences("1. No edema. 2. Heart is 2.5 cm.")  # ["no edema", "heart is 2.5 cm"]
    ```
    """
    if not isinstance(text, str):
        return []
    text = _ABBREVIATED.sub(r"\1", plain(text))
    for pattern, words in _SHORT:
        text = pattern.sub(words, text)
    parts = (" ".join(part.split()).lower() for part in _END.split(text))
    return [p for part in parts for p in _cut(part) if re.search("[a-z]", p)]


def _cut(sentence):
    if len(sentence) <= LONGEST:
        return [sentence]
    return textwrap.wrap(sentence, LONGEST, break_on_hyphens=False)
