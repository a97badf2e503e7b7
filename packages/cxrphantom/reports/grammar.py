"""From the findings of a study to its report: what a radiologist would have said.

The image must decide what is said and leave only the wording open: every lung
finding is in the impression with its side, place and degree, and none is ever
named that is not there, unless to deny it.
"""

import re

from cxrphantom.dice import choose
from cxrphantom.findings import FINDINGS
from cxrphantom.reports import phrases

# What an impression says first.
URGENCY = (
    "pneumothorax",
    "consolidation",
    "cardiomegaly",
    "edema",
    "pleural_effusion",
    "opacity",
    "atelectasis",
    "nodule",
    "fracture",
    "hyperinflation",
    "scarring",
    "calcified_granuloma",
    "hiatal_hernia",
    "pacemaker",
    "catheter",
    "spine_degeneration",
)
# Beside these, and nothing else, a study is still free of acute disease.
CHRONIC = {"cardiomegaly", "hyperinflation", "scarring", "calcified_granuloma"}
# With any of these the lungs are not called clear.
IN_LUNGS = {"atelectasis", "consolidation", "opacity", "nodule", "calcified_granuloma"}
IN_LUNGS |= {"edema", "scarring", "hyperinflation", "pleural_effusion", "pneumothorax"}


def findings_text(findings, rng):
    """Write the findings section: organ by organ, with what is not there.

    Args:
        findings: sequence of `Finding`, places filled in.
        rng: `numpy.random.Generator`.

    Returns:
        A string, one paragraph.

    Example:
    ```python
    findings_text([Finding("edema", degree="mild")], numpy.random.default_rng(0))
    ```
    """
    names = {finding.name for finding in findings}
    heart = _sentences(findings, {"cardiomegaly"}, rng)
    heart = heart or [choose(rng, phrases.HEART)]
    if "mediastin" not in heart[0] and rng.random() < 0.4:
        heart.append(choose(rng, phrases.MEDIASTINUM))
    if "edema" not in names and rng.random() < 0.3:
        heart.append(choose(rng, phrases.VESSELS))
    lungs = _sentences(findings, IN_LUNGS - {"pleural_effusion", "pneumothorax"}, rng)
    lungs = lungs or ([] if names & IN_LUNGS else [choose(rng, phrases.LUNGS)])
    pleura = _sentences(findings, {"pleural_effusion", "pneumothorax"}, rng)
    pleura += _negatives(names, rng)
    bones = _sentences(findings, {"spine_degeneration", "fracture"}, rng)
    if "fracture" not in names and rng.random() < (0.3 if bones else 0.6):
        bones.append(choose(rng, phrases.BONES))
    rest = _sentences(findings, {"hiatal_hernia", "pacemaker", "catheter"}, rng)
    body = [heart, lungs + pleura] if rng.random() < 0.7 else [lungs + pleura, heart]
    return " ".join(sum([*body, rest, bones], []))


def impression_text(findings, rng):
    """Write the impression: every lung finding, in a sentence, a list or merged.

    Args:
        findings: sequence of `Finding`, places filled in.
        rng: `numpy.random.Generator`.

    Returns:
        A string, one paragraph, sometimes numbered.

    Example:
    ```python
    impression_text([Finding("pneumothorax", "right", "apex")], rng)
    # "Right apical pneumothorax."
    ```
    """
    mentioned = [finding for finding in findings if _is_mentioned(finding, rng)]
    if not mentioned:
        return _numbered([_nothing_acute(not findings, rng)], rng)
    mentioned.sort(key=lambda finding: URGENCY.index(finding.name))
    names = {finding.name for finding in findings}
    items = _items(mentioned, rng)
    lung_names = {name for name in names if FINDINGS[name]}
    if lung_names <= CHRONIC and "fracture" not in names and rng.random() < 0.5:
        stock = choose(rng, phrases.STOCK)
        items = [stock, *items] if rng.random() < 0.5 else [*items, stock]
    elif rng.random() < 0.15:
        items += _negatives(names, rng)
    return _numbered(items, rng)


def indication_text(findings, rng):
    """Write why the study was asked for, with its ages and names taken out.

    Args:
        findings: sequence of `Finding`. They make some complaints likelier.
        rng: `numpy.random.Generator`.

    Returns:
        A string.

    Example:
    ```python
    indication_text([], rng)  # "XXXX-year-old female with chest pain."
    ```
    """
    reasons = dict(phrases.REASONS)
    names = {finding.name for finding in findings}
    if names & {"consolidation", "opacity"}:
        reasons |= {"cough": 8, "fever": 4}
    if names & {"edema", "pleural_effusion", "cardiomegaly", "hyperinflation"}:
        reasons |= {"dyspnea": 7, "shortness of breath": 8}
    if "fracture" in names:
        reasons |= {"pain after a fall": 6}
    text = choose(rng, phrases.INDICATIONS).format(reason=choose(rng, reasons))
    return _capital(text)


def noun_phrase(finding, rng):
    """Put one finding into words, without an article.

    Args:
        finding: `Finding`.
        rng: `numpy.random.Generator`.

    Returns:
        A pair of the phrase and its kind: `"one"` (takes an article),
        `"mass"` or `"many"` (plural).

    Example:
    ```python
    noun_phrase(Finding("nodule", "left", "lingula"), rng)
    # ("lingular nodule", "one")
    ```
    """
    templates = phrases.NOUNS[_manner(finding)]
    template = choose(rng, {key: weight for key, (weight, _) in templates.items()})
    kind = templates[template][1]
    several = finding.side == "bilateral" or finding.pattern in (
        "multiple",
        "interstitial",
        "diffuse",
    )
    if kind == "one" and several and "(s)" in template:
        kind = "many"
    text = template.format(**_slots(finding, rng))
    for singular, plural in phrases.PLURALS.items():
        text = text.replace(singular, plural if kind == "many" else singular[:-3])
    text = text.replace("(s)", "s" if kind == "many" else "")
    text = text.replace("interstitial bilateral", "bilateral interstitial")
    return re.sub(" +", " ", text).strip(), kind


def _manner(finding):
    """Return the key of `NOUNS`, which tells some findings of one name apart."""
    if finding.name == "hyperinflation" and finding.pattern == "emphysema":
        return "emphysema"
    if finding.name == "fracture" and finding.pattern == "healed":
        return "healed_fracture"
    return finding.name


def _slots(finding, rng):
    both, side = finding.side == "bilateral", finding.side
    words = phrases.PLACES.get(finding.region, phrases.LOBES)
    if not side and not finding.region:
        adjective, place = "", "in the lungs"
    else:
        adjective, place = (
            words[shift + both].format(side=side, lobe=finding.region)
            for shift in (0, 2)
        )
    degree = choose(rng, phrases.DEGREES.get(finding.degree, {"": 1}))
    return {
        "side": side,
        "on_side": "bilaterally" if both else f"on the {side}" if side else "",
        "adjective": adjective.strip(),
        "place": place.replace("  ", " "),
        "degree": degree,
        "adverb": phrases.ADVERBS.get(finding.degree, ""),
        "pattern": phrases.PATTERNS.get(finding.pattern, finding.pattern),
        "apical": "apical" if finding.region == "apex" else "",
    }


def _sentences(findings, names, rng):
    """Return a sentence for each of the findings with one of these names."""
    mentioned = [finding for finding in findings if finding.name in names]
    return [sentence(finding, rng) for finding in mentioned]


def sentence(finding, rng):
    """Say one finding in a sentence, as the findings section does.

    Args:
        finding: `Finding`, its place filled in.
        rng: `numpy.random.Generator`.

    Returns:
        A string.

    Example:
    ```python
    sentence(Finding("edema", degree="mild"), rng)  # "Mild pulmonary edema is seen."
    ```
    """
    text, kind = noun_phrase(finding, rng)
    verb = "are" if kind == "many" else "is"
    article = ("an " if text[0] in "aeiou" else "a ") if kind == "one" else ""
    frames = {
        f"There {verb} {article}{text}": 5,
        f"{article}{text} {verb} noted": 2,
        f"{article}{text} {verb} seen": 2,
        text: 2,
    }
    return _capital(choose(rng, frames)) + "."


def _is_mentioned(finding, rng):
    if FINDINGS[finding.name]:
        return True
    if finding.name == "fracture" and finding.pattern != "healed":
        return True
    return rng.random() < 0.2


def _nothing_acute(nothing_at_all, rng):
    if not nothing_at_all:
        return choose(rng, phrases.STOCK)
    if rng.random() < 0.12:  # Some radiologists repeat everything.
        parts = [choose(rng, phrases.HEART), choose(rng, phrases.LUNGS)]
        parts += [choose(rng, phrases.NEGATIVES[True, True])]
        parts = parts if rng.random() < 0.5 else [parts[1], parts[2], parts[0]]
        if rng.random() < 0.4:
            parts.append(choose(rng, phrases.STOCK))
        return " ".join(parts)
    return choose(rng, phrases.STOCK | phrases.STOCK_NORMAL)


def _items(mentioned, rng):
    """Return the sentences of an impression, some of them holding two findings."""
    items, left = [], list(mentioned)
    while left:
        first = left.pop(0)
        second = _partner(first, left)
        if second is not None and rng.random() < 0.5:
            left.remove(second)
            link = phrases.TOGETHER[first.name, second.name]
            pair = noun_phrase(first, rng)[0], noun_phrase(second, rng)[0]
            items.append(_capital(f"{pair[0]} {link} {pair[1]}") + ".")
            continue
        tail = choose(rng, phrases.TAILS.get(_manner(first), {"": 1}))
        items.append(_capital(noun_phrase(first, rng)[0] + tail) + ".")
        chance, advice = phrases.ADVICE.get(first.name, (0.0, ""))
        if rng.random() < chance:
            items[-1] += f" {advice}."
    return items


def _partner(first, others):
    pairs = phrases.TOGETHER
    return next((o for o in others if (first.name, o.name) in pairs), None)


def _negatives(names, rng):
    absent = "pleural_effusion" not in names, "pneumothorax" not in names
    sentences = phrases.NEGATIVES.get(absent)
    return [choose(rng, sentences)] if sentences else []


def _numbered(items, rng):
    if rng.random() < (0.3 if len(items) > 1 else 0.08):
        items = [f"{number}. {item}" for number, item in enumerate(items, 1)]
    return " ".join(items)


def _capital(text):
    return text[:1].upper() + text[1:]
