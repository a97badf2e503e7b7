"""What a report hits, misses and invents, finding by finding and word by word."""

import re
from typing import NamedTuple

from cxrscore.clinical.labeler import NEGATIVE, label_report, read_sentence
from cxrscore.clinical.laterality import report_sides
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.clinical.sentences import sentences
from cxrscore.texts.plain import plain

HIT, MISSED, INVENTED, WRONG_SIDE = "hit", "missed", "invented", "wrong side"
SIGNS = {HIT: "✓", MISSED: "✗", INVENTED: "✗", WRONG_SIDE: "✗"}
NORMAL = "No Finding"


class Finding(NamedTuple):
    """A finding of the reference, of the prediction, or of both.

    Args:
        name: string. One of `OBSERVATIONS`.
        verdict: string. A key of `SIGNS`; a wrong side counts as a miss.
        words: string. The sides, where they are apart, else `""`.
    """

    name: str
    verdict: str
    words: str


class Marked(NamedTuple):
    """A reference and a prediction, compared.

    Args:
        findings: tuple of `Finding`, in the order of `OBSERVATIONS`.
        reference: tuple of pairs: a piece of the text, and its `Finding` or `None`.
        prediction: tuple of pairs, alike.
    """

    findings: tuple
    reference: tuple
    prediction: tuple


def mark_reports(reference, prediction):
    """Compare a prediction with its reference, and mark both texts.

    Both are read by the rules of `cxrscore.clinical.labeler`, and a finding in doubt
    counts as affirmed, as in the clinical scores. They read English alone: ask
    `cxrscore.clinical.language.not_english` first.

    Args:
        reference: string.
        prediction: string.

    Returns:
        A `Marked`. The pieces of a text, put together, are the text.

    Example:
    ```python
    marked = mark_reports("Small left effusion.", "Right effusion. Cardiomegaly.")
    [tuple(each) for each in marked.findings]
    # [("Cardiomegaly", "invented", ""),
    #  ("Pleural Effusion", "wrong side", "right in place of left")]
    ```
    """
    texts = plain(reference), plain(prediction)
    (truth, said), (true_sides, sides) = map(_held, texts), map(report_sides, texts)
    findings = {}
    for name in OBSERVATIONS:
        if name in truth and name in said:
            there, given = true_sides.get(name, set()), sides.get(name, set())
            apart = there and given and not there & given
            words = f"{_sides(given)} in place of {_sides(there)}" if apart else ""
            findings[name] = Finding(name, WRONG_SIDE if apart else HIT, words)
        elif name in truth or name in said:
            findings[name] = Finding(name, MISSED if name in truth else INVENTED, "")
    return Marked(
        tuple(findings.values()), *(tuple(_pieces(text, findings)) for text in texts)
    )


def _held(text):
    """The observations that a report affirms or leaves in doubt."""
    return {name for name, state in label_report(text).items() if state in (1, -1)}


def _sides(sides):
    return " and ".join(sorted(sides))


def _pieces(text, findings):
    """The text in pieces, each with its `Finding` or `None`."""
    place = 0
    for start, end, finding in _stated(text, findings):
        if start < place:
            continue  # Inside the one before.
        if start > place:
            yield text[place:start], None
        yield text[start:end], finding
        place = end
    if text[place:]:
        yield text[place:], None


def _stated(text, findings):
    """Where findings are: those at one place sorted, the worst and longest first."""
    found, before = [], ""
    for sentence in sentences(text):
        for name, state, start, end in read_sentence(sentence):
            if state == NEGATIVE or name not in findings:
                continue
            words, earlier = sentence[start:end], before + sentence[:start]
            # Short forms were written out, so that places are counted, not measured.
            pattern = re.compile(r"\s+".join(map(re.escape, words.split())), re.I)
            places = [each.span() for each in pattern.finditer(text)]
            nth = len(pattern.findall(earlier))
            if nth < len(places):
                found.append((*places[nth], findings[name]))
        before += sentence + "\n"
    return sorted(found, key=lambda it: (it[0], it[2].verdict == HIT, -it[1]))
