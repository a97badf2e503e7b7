"""Which of the fourteen CheXpert observations a report states, and how surely.

In three steps, as the CheXpert labeler does it, but over clauses in place of parse
trees: find what a sentence mentions, decide by the cues around it whether it is
asserted, denied or in doubt, and let the surest statement of the report win.
"""

import functools
import re
import textwrap
from typing import NamedTuple

import numpy as np

from cxrscore.clinical import cues as labeler_cues
from cxrscore.clinical import rules
from cxrscore.clinical.rules import OBSERVATIONS, OTHER
from cxrscore.texts.plain import plain

POSITIVE, NEGATIVE, UNCERTAIN = 1.0, 0.0, -1.0
# The surest statement of a report wins: asserted, in doubt, denied.
_RANK = {NEGATIVE: 0, UNCERTAIN: 1, POSITIVE: 2}


def _compact(fragment):
    return re.sub(r"\n\s*", "", fragment)


def _any(fragments):
    """One pattern that names which of the fragments it found."""
    named = [f"(?P<{name}>{_compact(text)})" for name, text in fragments.items()]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(named)})(?!\w)")


_MENTION = _any({f"m{i}": entry[-1] for i, entry in enumerate(rules.MENTIONS)})
_ORGAN = _any({f"o{i}": entry[-1] for i, entry in enumerate(rules.ORGANS)})
_STATE = _any(rules.STATES)
_CUE = _any(labeler_cues.CUES)
_BREAK = re.compile(_compact(labeler_cues.BREAKS))
_VERB = rf"\b(?:{labeler_cues.VERBS})\b"
_JOINT = re.compile(
    rf"(?P<stop>(?<!consistent)(?<!compatible)(?<!compared)(?<!associated) with\b)"
    rf"|(?P<list>,(?: and\b)?| and\b)|(?P<verb>{_VERB})"
)
_ASSERTS = re.compile(
    rf" ?(?:and )?(?:(?:{_compact(labeler_cues.ASSERTS)})\b"
    rf"|(?:(?! (?:and|or)\b)[^,])*?{_VERB}(?! {_compact(labeler_cues.SEEN)}))"
)
_CLOSED = re.compile(rf"(?:(?!{_VERB})[^;])*?, (?:or|nor)\b")
_DEGREE = re.compile(rf" (?:{labeler_cues.DEGREES})\b")


class Statement(NamedTuple):
    """What a sentence says of one observation, and where it stands in it."""

    observation: str
    state: float
    start: int
    end: int


# === Sentences ===

_END = re.compile(
    r"[.!?]+(?=\s|$)"
    r"|(?<=[a-z)]{2})\.(?=[A-Za-z]{2})"  # A space is often missing: "apex.There".
    r"|(?:^|(?<=\s))\(?\d{1,2}[.)](?=\s|[A-Z])"  # "1. …" and "2) …" of a list.
    r"|;|\n\s*\n|\s[-*•]\s"
)
_FORM = re.compile(r" ?: (?:none|no|absent|negative)$")  # "Effusion: none"
# The time to read a sentence grows with the square of its letters, and a stuck decoder
# never comes to a full stop. The longest of 24,000 real texts has 337.
LONGEST = 400


def sentences(text):
    """Split a report into its sentences, in lower case with single spaces.

    What is longer than `LONGEST` letters is cut between two words.

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
    text = plain(text)
    text = re.sub(r"\b(vs|approx|Dr)\.", r"\1", text, flags=re.IGNORECASE)
    parts = (" ".join(part.split()).lower() for part in _END.split(text))
    parts = (_FORM.sub(" is absent", part) for part in parts)
    return [p for part in parts for p in _cut(part) if re.search("[a-z]", p)]


def _cut(sentence):
    if len(sentence) <= LONGEST:
        return [sentence]
    return textwrap.wrap(sentence, LONGEST, break_on_hyphens=False)


# === Scope ===


def _before_end(text, start, end):
    """How far a cue reaches that ends at `start`, in a clause that ends at `end`.

    A list goes on over its commas ("no edema, effusion, or nodule"); a new
    assertion ends it ("no edema, heart is enlarged").
    """
    spoken = False
    for joint in _JOINT.finditer(text, start, end):
        if joint["stop"]:
            return joint.start()
        if joint["verb"]:
            spoken = True
            continue
        rest = text[joint.end() : end]
        if spoken:
            return joint.start()
        if _ASSERTS.match(rest):
            closed = _CLOSED.match(rest)
            if not (closed and joint[0] == ","):
                return joint.start()
    return end


def _after_start(text, start, end):
    """How far back a cue reaches that starts at `end`, in a clause from `start`."""
    reach = start
    for joint in _JOINT.finditer(text, start, end):
        said = text[reach : joint.start()]
        if joint["stop"] or (joint["list"] and re.search(_VERB, said)):
            reach = joint.end()
    return reach


class _Cues:
    """The cues of a sentence and the stretch of it that each governs."""

    def __init__(self, text, mentions):
        self.breaks = [match.start() for match in _BREAK.finditer(text)]
        # Without a stop, a degree after a finding begins another one.
        ends = [mention.end() for mention in mentions]
        self.breaks += [end for end in ends if _DEGREE.match(text, end)]
        self.reach = []
        for cue in _CUE.finditer(text):
            kind = cue.lastgroup
            if kind == "skip":
                continue
            left, right = self.clause(cue.start(), len(text))
            if kind == "far":
                left, right = cue.end(), len(text)
            elif kind.endswith("after"):
                left, right = _after_start(text, left, cue.start()), cue.start()
            else:
                left, right = cue.end(), _before_end(text, cue.end(), right)
                if cue[0] in ("versus", "vs", "and/or"):
                    left = _after_start(text, self.clause(cue.start(), 0)[0], left)
            self.reach.append((left, right, kind))

    def clause(self, place, end):
        """Where the clause around a place begins and ends."""
        left = max((b for b in self.breaks if b <= place), default=0)
        right = min((b for b in self.breaks if b > place), default=end)
        return left, right

    def judge(self, start, end, state):
        """Turn a bare statement into what its cues make of it; `None` is unsaid."""
        kinds = {k for left, right, k in self.reach if left <= start and end <= right}
        if kinds & {"far", "near"}:
            return None
        if kinds & {"no_before", "no_after"}:
            return NEGATIVE
        return UNCERTAIN if kinds & {"maybe_before", "maybe_after"} else state


# === Organs and their states ===

_FILLER = re.compile(
    rf" (?:(?!(?:{labeler_cues.VERBS}|and|or|with|without|but|no|not)\b)[\w-]+ ){{0,3}}"
)
_PREDICATE = re.compile(rf"(?<!there )(?<!seen )(?<!noted ){_VERB}(?: \w+)? $")
_CROSSES = re.compile(r" with\b| without\b| but\b|;")
_ANDS = re.compile(r"(?:[ ,]|and|of|the|in|size|both|upper)*")
_OWN_VERB = re.compile(rf" {_VERB}")
_SOON = re.compile(r"[^,]{0,3}(?:\w+ ){0,2}")


def _organ_states(text, mentions):
    """Yield each organ with the state that is said of it."""
    organs = list(_ORGAN.finditer(text))
    if not organs:
        return
    states = list(_STATE.finditer(text))
    things = [m.start() for m in organs] + [m.start() for m in mentions]
    owned = {  # A state right before a thing belongs to that thing.
        state.start()
        for state in states
        # "… is enlarged lungs are …", without a stop, is the heart's all the same.
        if not _PREDICATE.search(text, 0, state.start())
        and any(
            place >= state.end() and _FILLER.fullmatch(text, state.end(), place)
            for place in things
        )
    }
    for organ in organs:
        yield organ, _state_of(text, organ, states, owned)


def _state_of(text, organ, states, owned):
    before = [state for state in states if state.end() <= organ.start()]
    own = before[-1] if before and before[-1].start() in owned else None
    if own and _FILLER.fullmatch(text, own.end(), organ.start()):
        return own
    for state in states:
        if state.start() < organ.end() or state.start() in owned:
            continue
        gap = text[organ.end() : state.start()]
        if _CROSSES.search(gap):
            break
        if re.search(_VERB, gap) or _SOON.fullmatch(gap):
            return state
        break
    # "Normal heart size and mediastinal contour": one state for both.
    gap = _ORGAN.sub("", text[own.end() : organ.start()]) if own else "none"
    shared = _ANDS.fullmatch(gap) and not _OWN_VERB.match(text, organ.end())
    return own if shared else None


# === Labels ===


@functools.lru_cache(maxsize=100_000)
def read_sentence(text):
    """What one sentence states, finding by finding.

    Args:
        text: string. A sentence as `sentences` gives it.

    Returns:
        A tuple of `Statement`; one on `"Other"` is a finding that is none of the
        fourteen.

    Example:
    ```python
    [s[:2] for s in read_sentence("no edema but small effusion")]
    # [("Edema", 0.0), ("Pleural Effusion", 1.0)]
    ```
    """
    mentions = [m for m in _MENTION.finditer(text) if rules.MENTIONS[_index(m)][0]]
    organs = list(_organ_states(text, mentions))
    if not mentions and not organs:
        return ()
    cues, found = _Cues(text, mentions), []
    for mention in mentions:
        place = mention.span()
        state = cues.judge(*place, POSITIVE)
        found += [(name, state, *place) for name in rules.MENTIONS[_index(mention)][0]]
    for organ, word in organs:
        if word is None:
            continue
        normal, abnormal, _ = rules.ORGANS[_index(organ)]
        if word.lastgroup == "normal":
            found += [(name, NEGATIVE, *organ.span()) for name in normal]
            continue
        bare = POSITIVE if word.lastgroup == "abnormal" else UNCERTAIN
        whole = min(organ.start(), word.start()), max(organ.end(), word.end())
        # "The heart is not enlarged", and "an enlarged heart is not seen".
        state = cues.judge(*word.span(), bare)
        state = cues.judge(*whole, state) if state == bare else state
        found += [(name, state, *organ.span()) for name in abnormal]
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
