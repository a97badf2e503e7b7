"""Which of the fourteen CheXpert observations a report states, and how certainly.

In three steps, as the CheXpert labeler does it, but over clauses in place of parse
trees: find what a sentence mentions, decide by the cues around it whether it is
asserted, denied or in doubt, and let the most certain statement win.
"""

import functools
import re
from typing import NamedTuple

import numpy as np

from cxrscore.clinical import cues as labeler_cues
from cxrscore.clinical import rules
from cxrscore.clinical.rules import OBSERVATIONS, OTHER
from cxrscore.clinical.scope import (
    NEGATIVE,
    POSITIVE,
    UNCERTAIN,
    VERB,
    Cues,
    Mention,
    any_of,
    compact,
)
from cxrscore.clinical.sentences import sentences

# The most certain statement of a report wins: asserted, in doubt, denied.
_RANK = {NEGATIVE: 0, UNCERTAIN: 1, POSITIVE: 2}
_MENTION = any_of({f"m{i}": entry[-1] for i, entry in enumerate(rules.MENTIONS)})
_ORGAN = any_of({f"o{i}": entry[-1] for i, entry in enumerate(rules.ORGANS)})
_STATE = any_of(rules.STATES)


class Statement(NamedTuple):
    """What a sentence says of one observation, and where in it."""

    observation: str
    state: float
    start: int
    end: int


# === Organs and their states ===

_FILLER = re.compile(
    rf" (?:(?!(?:{labeler_cues.VERBS}|and|or|with|without|but|no|not)\b)[\w-]+ ){{0,3}}"
)
_PREDICATE = re.compile(rf"(?<!there ){VERB}(?: \w+)? $")
_CROSSES = re.compile(r" with\b| without\b| but\b(?!(?: \w+)? $)|;")
_LINKS = re.compile(rf"{VERB}|\b{compact(labeler_cues.MODALS)}\b")
_EXCEPTED = re.compile(rf"(?:,? \w+){{0,3}},? (?:{labeler_cues.EXCEPT})")
_OTHER_SIDE = re.compile(
    rf"[,;]?(?: (?:and|but|while|whereas))?(?: the)? (?:left|right|other)(?: \w+)?"
    rf" {VERB} not\b(?! (?:\w+ly )?(?:{compact(labeler_cues.SEEN)}|enlarged))"
)
_NOT_BOTH = re.compile(
    r"\b(?:neither|not (?:all|both)|none)(?: of)?(?: the)? (?:\w+ )?$"
)
_INSTEAD = re.compile(r"[:,]?(?: (?:but|and|is|it is|\w+ly))* ")
_ANDS = re.compile(r"(?:[ ,]|and|of|the|in|size|both|upper)*")
_OWN_VERB = re.compile(rf" {VERB}")
_SOON = re.compile(r"[^,]{0,3}(?:\w+ ){0,2}")


def _organ_states(text, mentions, states):
    """Yield each organ whose state is given, with the state."""
    organs = list(_ORGAN.finditer(text))
    things = [m.start() for m in organs] + [m.start for m in mentions if m.names]
    owned = {  # A state right before a noun belongs to that noun.
        state.start()
        for state in states
        # "… is enlarged lungs are …", without a full stop, still describes the heart.
        if not _PREDICATE.search(text, 0, state.start())
        and any(
            place >= state.end() and _FILLER.fullmatch(text, state.end(), place)
            for place in things
        )
    }
    for organ in organs:
        if state := _state_of(text, organ, states, owned):
            yield organ, state


def _state_of(text, organ, states, owned):
    before = [state for state in states if state.end() <= organ.start()]
    own = before[-1] if before and before[-1].start() in owned else None
    if own and _FILLER.fullmatch(text, own.end(), organ.start()):
        return own
    after = [s for s in states if s.start() >= organ.end() and s.start() not in owned]
    if after:
        gap = text[organ.end() : after[0].start()]
        if not _CROSSES.search(gap) and (_LINKS.search(gap) or _SOON.fullmatch(gap)):
            return _instead(text, *after[:2])
    # "Normal heart size and mediastinal contour": one state for both.
    gap = _ORGAN.sub("", text[own.end() : organ.start()]) if own else "none"
    shared = _ANDS.fullmatch(gap) and not _OWN_VERB.match(text, organ.end())
    return own if shared else None


def _instead(text, state, other=None):
    """The state, or the one that replaces it: "not normal but enlarged"."""
    if state.lastgroup != "denied" or not other or other.lastgroup == "normal":
        return state
    return other if _INSTEAD.fullmatch(text, state.end(), other.start()) else state


def _said_of(text, organ, word, cues):
    """Yield what an organ's state says: pairs of an observation and its state."""
    normal, abnormal, _ = rules.ORGANS[_index(organ)]
    kind = word.lastgroup
    if kind == "denied":
        # A heart not normal in size is large; otherwise what is not normal is open.
        sized = " size" in text[organ.start() : word.end() + len(" in size")]
        sized = sized and "Cardiomegaly" in abnormal
        yield from (
            (name, cues.judge(*word.span(), POSITIVE)) for name in abnormal * sized
        )
    elif kind == "normal":
        one_only = _OTHER_SIDE.match(text, word.end())
        if one_only or _NOT_BOTH.search(text[: organ.start()]):
            yield OTHER, POSITIVE
        elif not _EXCEPTED.match(text, word.end()):
            yield from ((name, NEGATIVE) for name in normal)
    else:
        bare = POSITIVE if kind == "abnormal" else UNCERTAIN
        state = cues.judge(*word.span(), bare)
        yield from ((name, state) for name in abnormal)


# === Labels ===


@functools.lru_cache(maxsize=100_000)
def read_sentence(text):
    """What one sentence states, finding by finding.

    Args:
        text: string. A sentence as `sentences` gives it.

    Returns:
        A tuple of `Statement`; one on `"Other"` is a finding that is not one of the
        fourteen.

    Example:
    ```python
    [s[:2] for s in read_sentence("no edema but small effusion")]
    # [("Edema", 0.0), ("Pleural Effusion", 1.0)]
    ```
    """
    mentions = [
        Mention(rules.MENTIONS[_index(match)][0], *match.span())
        for match in _MENTION.finditer(text)
    ]
    states = list(_STATE.finditer(text))
    if not mentions and not states:
        return ()
    cues, found = Cues(text, mentions), []
    for mention in mentions:
        place = mention.start, mention.end
        for name in mention.names:
            found.append((name, cues.judge(*place, POSITIVE, name), *place))
    for organ, word in _organ_states(text, mentions, states):
        said = _said_of(text, organ, word, cues)
        found += [(name, state, *organ.span()) for name, state in said]
    # A denied normal state needs no organ: "not an entirely normal chest".
    denied = [word.span() for word in states if word.lastgroup == "denied"]
    found += [(OTHER, cues.judge(*place, POSITIVE), *place) for place in denied]
    return tuple(Statement(*item) for item in found if item[1] is not None)


def _index(match):
    return int(match.lastgroup[1:])


def label_report(text):
    """Label a report with the fourteen CheXpert observations.

    A finding asserted anywhere is positive, else in doubt anywhere uncertain, else
    negative where it is denied (also by "the lungs are clear"). "No Finding" is
    positive when nothing is positive or uncertain, Support Devices aside, and
    neither is an abnormality outside of the fourteen (a hernia, emphysema). A
    report without words says nothing at all, not even that.

    Args:
        text: string, or a missing value, which is an empty report.

    Returns:
        A dict by `OBSERVATIONS`: 1.0 positive, 0.0 negative, -1.0 uncertain, NaN
        not mentioned.

    Example:
    ```python
    label_report("No effusion. Possible pneumonia.")["Pneumonia"]  # -1.0
    ```

    Reference:
        - [Irvin et al., 2019](https://arxiv.org/abs/1901.07031)
    """
    labels = dict.fromkeys(OBSERVATIONS, np.nan)
    read = sentences(text)
    found = False
    for name, state, *_ in (item for each in read for item in read_sentence(each)):
        found |= state != NEGATIVE and name != "Support Devices"
        if name != OTHER and (
            np.isnan(labels[name]) or _RANK[state] > _RANK[labels[name]]
        ):
            labels[name] = state
    if any(re.search("[a-wyz]", sentence) for sentence in read):
        labels["No Finding"] = NEGATIVE if found else POSITIVE
    return labels


def label_reports(texts):
    """Label many reports; each distinct sentence is read once.

    Args:
        texts: sequence of strings `(n,)`.

    Returns:
        A float array `(n, 14)`, columns as `OBSERVATIONS`, values as `label_report`.

    Example:
    ```python
    label_reports(["Cardiomegaly.", "No edema."]).shape  # (2, 14)
    ```
    """
    rows = [list(label_report(text).values()) for text in texts]
    return np.array(rows, "float64").reshape(-1, len(OBSERVATIONS))
