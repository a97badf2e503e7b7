"""What governs a finding: the cues of a sentence, and how far each of them reaches."""

import re
from typing import NamedTuple

from cxrscore.clinical import cues as labeler_cues

POSITIVE, NEGATIVE, UNCERTAIN = 1.0, 0.0, -1.0


def compact(fragment):
    """Join a fragment of `rules` or `cues` that is written over several lines."""
    return re.sub(r"\n\s*", "", fragment)


def any_of(fragments):
    """One pattern that names which of the fragments it found."""
    named = [f"(?P<{name}>{compact(text)})" for name, text in fragments.items()]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(named)})(?!\w)")


# === Patterns ===

VERB = rf"\b(?:{labeler_cues.VERBS})\b"
_CUE = any_of(labeler_cues.CUES)
_BREAK = re.compile(compact(labeler_cues.BREAKS))
_JOINT = re.compile(
    rf"(?P<stop>(?<!consistent)(?<!compatible)(?<!associated) with\b"
    rf"|\badjacent to\b|\bsuperimposed on\b)"
    rf"|(?P<list>,(?: and\b)?| and\b)|(?P<verb>{VERB})"
)
_ASSERTS = re.compile(
    rf" ?(?:and )?(?:(?:{compact(labeler_cues.ASSERTS)})\b"
    rf"|(?:(?! (?:and|or)\b)[^,])*?{VERB}(?! {compact(labeler_cues.SEEN)}))"
)
_PRESENT = re.compile(rf" [\w ]+ {VERB} present\b")
_CLOSED = re.compile(rf"(?! (?:no|without)\b)(?:(?!{VERB})[^;])*?, (?:or|nor)\b")
_DEGREE = re.compile(rf" (?:{labeler_cues.DEGREES})\b")
_ONE_WORD = re.compile(labeler_cues.ONE_WORD)
_PLAIN = re.compile(rf" (?:{labeler_cues.PLAIN})\b")
_CLOSES = re.compile(r"\b(?:and|or)\b")

# A cue after a finding, alone in its clause, belongs to the clause before ("not seen
# but cannot be excluded"), or, at the beginning, to what follows.
_ALONE = re.compile(
    r"\W*(?:(?:but|however|(?:al)?though|yet|there (?:is|are)|it|still|now|only"
    r"|a(?: \w+){0,2} one)\b\W*)*"
)

# === Alternatives ===

_STRANGE = (
    rf"(?:{labeler_cues.VERBS}|with|without|but|and|no|not|which|there"
    rf"|{labeler_cues.OR})\b"
)
# A few words between a finding and the mark of an alternative.
_BEHIND = rf"(?: (?!{_STRANGE})[\w'()-]+){{0,6}}"
_BEFORE = rf"(?:(?!{_STRANGE})[\w'()-]+,? ){{0,6}}"
_OR = re.compile(rf"{_BEHIND}(?: ?/ ?|,? (?:{labeler_cues.OR}),? ){_BEFORE}")
_LAST_OF_LIST = re.compile(rf"{_BEHIND}, or\b")
_IN_LIST = re.compile(rf"{_BEHIND}, {_BEFORE}")
_VERSUS_BEHIND = re.compile(rf"{_BEHIND},? (?:{labeler_cues.VERSUS})\b")
_VERSUS_BEFORE = re.compile(rf"\b(?:{labeler_cues.VERSUS}) {_BEFORE}(?:or {_BEFORE})?$")


class Mention(NamedTuple):
    """A finding's name in a sentence, and the observations it stands for."""

    names: tuple
    start: int
    end: int


def _alternatives(text, mentions):
    """Alternatives, "X or Y": pairs of a place and an observation in doubt.

    "A nodule or mass" is one observation, which is there in either case.
    """
    doubted, sure = set(), set()
    gaps = [text[a.end : b.start] for a, b in zip(mentions, mentions[1:], strict=False)]
    for i, gap in enumerate(gaps):
        if not _OR.fullmatch(gap):
            continue
        pair = mentions[i : i + 2]
        both = set(pair[0].names) & set(pair[1].names)
        sure |= {(m.start, name) for m in pair for name in both}
        doubted |= {(m.start, name) for m in pair for name in m.names}
        while i and _LAST_OF_LIST.match(gap) and _IN_LIST.fullmatch(gaps[i - 1]):
            i -= 1
            # An opacity at the beginning of a list is what the list explains.
            if mentions[i].names != ("Lung Opacity",):
                doubted |= {(mentions[i].start, name) for name in mentions[i].names}
    before = [text[: mentions[0].start] if mentions else "", *gaps]
    behind = [*gaps, text[mentions[-1].end :] if mentions else ""]
    for mention, left, right in zip(mentions, before, behind, strict=False):
        if _VERSUS_BEFORE.search(left) or _VERSUS_BEHIND.match(right):
            doubted |= {(mention.start, name) for name in mention.names}
    return doubted - sure


# === Reach ===


def _before_end(text, start, end, one_word=False):
    """How far a cue that ends at `start` reaches, in a clause that ends at `end`.

    A list continues over its commas ("no edema, effusion, or nodule"); a new
    assertion ends it ("no edema, heart is enlarged"), and a comma ends what `one_word`
    doubts ("possible edema, cardiomegaly").
    """
    spoken = False
    for joint in _JOINT.finditer(text, start, end):
        if joint["stop"]:
            if joint.start() > start + 1:  # Not in "possibly with effusion".
                return joint.start()
            continue
        if joint["verb"]:
            spoken = True
            continue
        rest = text[joint.end() : end]
        if spoken:
            return joint.start()
        ends = one_word and (joint[0][0] == "," or _PLAIN.match(rest))
        ends = ends and not rest.startswith(" less ")  # "…, less likely pneumonia"
        ends = ends or _ASSERTS.match(rest)
        # "No edema, effusion is present", but "no edema, mass, effusion is present".
        ends = ends or ("," not in text[start : joint.start()] and _PRESENT.match(rest))
        if ends and not (joint[0] == "," and _CLOSED.match(rest)):
            return joint.start()
    return end


def _after_start(text, start, end, places, doubt):
    """How far back a cue that starts at `end` reaches, in a clause from `start`.

    A list that an "and" or an "or" closes is one ("effusion, edema, and pneumonia are
    excluded"); else what precedes the comma is another thing ("opacity,
    pneumonia is not excluded"), and before a "with" what is not in `doubt`
    ("atelectasis with pneumonia not excluded"). `places` are where findings start.
    """
    reach = start
    if doubt:  # "Effusion is small, if any": no comma between the two.
        end = start + len(text[start:end].rstrip(" ,"))
    for joint in _JOINT.finditer(text, start, end):
        said, rest = text[reach : joint.start()], text[joint.end() : end]
        another = re.search(VERB, said)
        if joint[0] == ", and":
            another = another or "," not in said
        elif joint[0] == "," and not _CLOSES.search(rest):
            another = another or any(joint.end() <= place < end for place in places)
        if (joint[0] == " with" and doubt) or (joint["list"] and another):
            reach = joint.end()
    return reach


# The most certain kind of cue that governs a finding decides; unsaid is `None`.
_DECIDES = {
    "far": None, "near": None, "open": UNCERTAIN, "no": NEGATIVE, "maybe": UNCERTAIN,
}  # fmt: skip


class Cues:
    """The cues of a sentence and the range that each governs."""

    def __init__(self, text, mentions):
        self.breaks = [match.start() for match in _BREAK.finditer(text)]
        # Without a stop, a degree after a finding begins another one.
        self.breaks += [m.end for m in mentions if _DEGREE.match(text, m.end)]
        self.places = [m.start for m in mentions]
        self.doubted = _alternatives(text, mentions)
        self.reach = [self._govern(text, cue) for cue in _CUE.finditer(text)]

    def _govern(self, text, cue):
        kind, _, side = cue.lastgroup.partition("_")
        start, end = cue.span()
        left, right = self._clause(start, len(text))
        if kind == "far":
            return end, len(text), kind
        alone = _ALONE.fullmatch(text, left, start)
        if side == "after" and alone and any(place < left for place in self.places):
            start = len(text[:left].rstrip(" ,"))
            left, _ = self._clause(left - 1, 0)
            alone = False
        if side == "after" and not alone:
            reach = _after_start(text, left, start, self.places, kind != "no")
            return reach, start, kind
        if text.startswith(":", end):
            end += 1
            _, right = self._clause(end, len(text))
        return end, _before_end(text, end, right, _ONE_WORD.fullmatch(cue[0])), kind

    def _clause(self, place, end):
        """Where the clause around a place begins and ends."""
        left = max((b for b in self.breaks if b <= place), default=0)
        right = min((b for b in self.breaks if b > place), default=end)
        return left, right

    def judge(self, start, end, state, name=None):
        """Turn a bare statement into what its cues make of it; `None` is unsaid."""
        kinds = {k for left, right, k in self.reach if left <= start and end <= right}
        if (start, name) in self.doubted and "skip" not in kinds:
            kinds.add("maybe")
        return next((_DECIDES[kind] for kind in _DECIDES if kind in kinds), state)
