"""One normal form for every text: the same words are the same letters."""

import functools
import re
import sys
import unicodedata

import pandas as pd

# Unicode has the apostrophe in many shapes, and an accent is often taken for one.
_APOSTROPHES = "\u00b4\u02b9\u02bb\u02bc\u02c8\u2018\u2019\u201a\u201b\u2032\uff07"
_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
_HYPHENS = "\u2010\u2011\u2012\u2212\u2043\ufe58\ufe63\uff0d"
_SELECTORS = (0x034F, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10))
# A line break inside a word, as in a PDF.
_BROKEN = re.compile("\u00ad[ \t]*\r?\n\\s*")
# What editors make of hyphens: "right–sided" of one between two letters, "opacity –
# new" and "opacity—new" of one or two that stand apart.
_EN_DASH = re.compile(r"(?<=\w)\u2013(?=\w)")
_DASH = re.compile(r"[ \t]*[\u2013-\u2015][ \t]*")
# Control characters that no screen shows, except blanks.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")

# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_APART = re.compile(rf"[{_UNSPACED}]\s+[{_UNSPACED}]")


@functools.cache
def _letters():
    """The replacements of single letters, a table for `str.translate`."""
    table = dict.fromkeys(_SELECTORS)
    table |= dict.fromkeys(map(ord, _APOSTROPHES), "'")
    table |= dict.fromkeys(map(ord, _QUOTES), '"')
    table |= dict.fromkeys(map(ord, _HYPHENS), "-")
    table |= {0x2044: "/", 0x2215: "/", 0x0085: "\n"}
    for code in range(0x80, sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))
        if kind == "Cf":  # Soft hyphens, joiners, marks of order and of direction.
            table[code] = None
        elif kind[0] == "Z":
            table[code] = {"Zs": " ", "Zl": "\n", "Zp": "\n\n"}[kind]
    return table


@functools.lru_cache(maxsize=20_000)
def _composed(text):
    text = _BROKEN.sub("", text).translate(_letters())
    text = unicodedata.normalize("NFKC", text).translate(_letters())
    return _DASH.sub(" - ", _EN_DASH.sub("-", text))


def plain(text):
    """Normalise a text, as scores and labeler read it.

    In Unicode's form NFKC (composed letters, no ligatures, no full width), without
    invisible characters (soft hyphens, zero-width spaces and joiners, byte-order marks,
    marks of direction, control characters), with plain spaces, hyphens, quotes and
    apostrophes; a dash is a hyphen. Upper and lower case stay. Printable ASCII stays as
    it is; so does text already normalised.

    Args:
        text: string, or a missing value, which is an empty text.

    Returns:
        A string.

    Example:
    ```python
    plain("No e\\ufb00usion, pneumo\\u00adthorax")  # "No effusion, pneumothorax"
    ```

    Reference:
        - [Unicode Normalization Forms](https://unicode.org/reports/tr15/)
    """
    if pd.isna(text):
        return ""
    text = _CONTROL.sub("", str(text))
    return text if text.isascii() else _composed(text)


def is_unspaced(text):
    """Whether a text has no spaces between its words, as in Chinese.

    Args:
        text: string.

    Returns:
        A bool; `False` where the words were separated, as in some corpora.

    Example:
    ```python
    is_unspaced("心影增大。"), is_unspaced("心影 增大 。")  # True, False
    ```
    """
    if text.isascii():
        return False
    letters = sum(map(str.isalpha, text))
    found = len(_UNSPACED_LETTER.findall(text))
    return 2 * found > letters and not _APART.search(text)
