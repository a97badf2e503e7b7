"""What else a report may get wrong: sides, priors never given, masked words."""

import functools
import re

from cxrscore.clinical.labeler import NEGATIVE, read_sentence, sentences

SIDES = ("right", "left")
# No side: the heart, the mediastinum, and what fills both lungs or none.
SIDELESS = {"Enlarged Cardiomediastinum", "Cardiomegaly", "Edema", "Other"}

# === Sides ===

_SIDE = re.compile(
    r"\b(?:(?P<both>bilateral\w*|bibasilar|bibasal|biapical|both)"
    r"|(?P<left>left|lingula\w*)|(?P<right>right|middle lobe))\b"
)
# "left and right" and "right greater than left" are one place, not two.
_PAIR = re.compile(
    r"\b(left|right)(?:[- ]sided)?(?: and|/| or| greater than| more than"
    r"| larger than|,)(?: the)? (?!\1)(left|right)\b"
)
_LINK = re.compile(r", and\b| and\b| with\b| or\b|,|;| versus\b| but\b|\bthere\b")


def _sides_in(text):
    found = {match.lastgroup for match in _SIDE.finditer(text)}
    return set(SIDES) if "both" in found else found & set(SIDES)


def _places(text, statements):
    """The text before and after each finding that speaks of this finding only."""
    spans = sorted({(item.start, item.end) for item in statements})
    cuts = [0]
    for (_, end), (start, _) in zip(spans, spans[1:], strict=False):
        # Between two findings, the last link separates what follows one from what leads
        # to the other: "effusion at the left base and | right basilar scar".
        links = [end + link.start() for link in _LINK.finditer(text[end:start])]
        cuts.append(links[-1] if links else end)
    cuts.append(len(text))
    return {
        span: (text[left : span[0]], text[span[1] : right])
        for span, left, right in zip(spans, cuts, cuts[1:], strict=False)
    }


@functools.lru_cache(maxsize=100_000)
def sentence_sides(text):
    """Where a sentence puts its findings.

    Args:
        text: string. A sentence as `cxrscore.clinical.labeler.sentences` gives it.

    Returns:
        A tuple of pairs `(observation, sides)`, sides a frozenset of `SIDES`, of what
        is asserted or in doubt and has a side.

    Example:
    ```python
    sentence_sides("small left effusion and right atelectasis")
    # (("Pleural Effusion", {"left"}), ("Atelectasis", {"right"}))
    ```
    """
    if not _SIDE.search(text):
        return ()
    text = _PAIR.sub(lambda pair: "bilateral".ljust(len(pair[0])), text)
    statements = read_sentence(text)
    places, found = _places(text, statements), []
    for item in statements:
        if item.state == NEGATIVE or item.observation in SIDELESS:
            continue
        before, after = places[item.start, item.end]
        sides = _sides_in(before + " " + text[item.start : item.end])
        if not sides or "greater" in after:
            sides |= _sides_in(after)
        if sides:
            found.append((item.observation, frozenset(sides)))
    return tuple(found)


def report_sides(text):
    """Where a report puts its findings.

    Args:
        text: string, or a missing value.

    Returns:
        A dict, observation → set of `"right"` and `"left"`, of the findings that are
        positive or uncertain and have a side. Both sides are both in the set.

    Example:
    ```python
    report_sides("Small left effusion. Bibasilar atelectasis.")
    # {"Pleural Effusion": {"left"}, "Atelectasis": {"left", "right"}}
    ```
    """
    sides = {}
    for sentence in sentences(text):
        for name, found in sentence_sides(sentence):
            sides.setdefault(name, set()).update(found)
    return sides


# === Priors and masks ===

# Old disease without a comparison, with at most a word before it.
_OLD = (
    r"(?!(?:\w+\ )?(?:granulom|infect|surg|sternotomy|fracture|trauma|injur|cabg|median"
    r"|thoracotomy|pneumon|inflamm|resection|lobectomy|mastectomy|tubercul|tb\b|operat"
    r"|rib))"
)
_PRIOR = re.compile(
    rf"""
    \b(?:unchanged|stable|stably|unaltered|similar\ to
    |again\ (?:seen|noted|demonstrated|identified|visuali[sz]ed|is|are)|once\ again
    |redemonstrat\w+|persist(?:s|ent|ing|ently)?|remains?|no\ longer
    |compar(?:ed|ison)|in\ the\ interim|since\ (?:the|prior|previous|last|xxxx)
    |(?:prior|previous(?:ly)?|earlier|preceding)\s+{_OLD}\w+
    |(?<!short\ )(?<!short-)(?<!short\ term\ )interval(?!\ (?:follow|radiograph))
    |(?:has|have)\ (?:\w+\ )?(?:improved|worsened|increased|decreased|resolved|cleared
    |progressed|developed|enlarged)|(?:improv|worsen|progress)(?:ed|ing)
    |(?:increas|decreas)(?:ed|ing)\ (?:in\ size|since|from)|resol(?:ved|ving|ution)
    |no\ (?:significant\ |interval\ |appreciable\ |substantial\ )*changes?\b
    |change\ from|new(?:ly)?(?!\w)(?<!no\ new))\b
    """,
    re.VERBOSE,
)
# Words of a prior that say there is none, or ask for one.
_NO_PRIOR = re.compile(
    r"\b(?:no|without|absence of|lack of)"
    r"(?: (?!chang|interval|compar|since|from|to\b|than|on\b|in\b|with)\w+){0,3}"
    r" (?:prior|previous|comparison|earlier)\b(?: \w+){0,3}"
    r"|\b(?:recommend\w*|advis\w+|suggest\w*|consider|would be|if)\b.*"
    r"|\bto (?:document|ensure|assure|confirm)\b.*"
    r"|\b(?:prior|previous|comparison)\b(?: \w+){0,3} (?:(?:not |un)available|absent)"
)
_MASK = re.compile(r"X{3,}|_{3,}")


@functools.lru_cache(maxsize=100_000)
def _sentence_prior(text):
    return bool(_PRIOR.search(_NO_PRIOR.sub(" ", text)))


def names_prior(text):
    """Whether a report compares with an earlier examination.

    A model that saw one study cannot know an earlier one: in a prediction such
    words are invented. "No prior for comparison", advice ("short interval
    followup") and old disease ("prior granulomatous disease") do not count.

    Args:
        text: string, or a missing value.

    Returns:
        A bool.

    Example:
    ```python
    names_prior("Effusion is unchanged since the previous study.")  # True
    ```
    """
    return any(_sentence_prior(sentence) for sentence in sentences(text))


def is_masked(text):
    """Whether a report holds a word masked for anonymity.

    Args:
        text: string, or a missing value.

    Returns:
        A bool: whether `XXXX` (Indiana) or `___` (MIMIC-CXR) is in it.

    Example:
    ```python
    is_masked("Normal chest x-XXXX.")  # True
    ```
    """
    return isinstance(text, str) and bool(_MASK.search(text))
