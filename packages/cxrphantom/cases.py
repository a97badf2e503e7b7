"""Which findings a phantom study has: sampled at real rates, or read from its terms."""

import dataclasses

from cxrphantom import rates
from cxrphantom.dice import choose
from cxrphantom.findings import FINDINGS, Finding
from cxrphantom.reports.mesh import NO_INDEXING, NORMAL, from_mesh

# From slight to severe; a degree that is not given is drawn as moderate.
DEGREES = ("borderline", "mild", "small", "", "moderate", "large", "severe")


@dataclasses.dataclass(frozen=True)
class Case:
    """One study before it is drawn: what it shows and what its file holds.

    Args:
        findings: tuple of `Finding`, empty for a normal study.
        indexed: bool. Without it `MeSH` says `No Indexing`.
        frontals: int. Number of frontal images.
        laterals: int. Number of lateral images.
        sections: frozenset of strings, of `"findings"`, `"impression"`,
            `"indication"`, `"comparison"`: the columns that are not empty.

    Example:
    ```python
    Case(findings=(Finding("edema", degree="mild"),))
    ```
    """

    findings: tuple = ()
    indexed: bool = True
    frontals: int = 1
    laterals: int = 1
    sections: frozenset = frozenset(
        ("findings", "impression", "indication", "comparison")
    )


def sample_case(rng):
    """Sample one study at about the rates of the real collection.

    Args:
        rng: `numpy.random.Generator`.

    Returns:
        A `Case`.

    Example:
    ```python
    case = sample_case(numpy.random.default_rng([0, 17, 0]))
    ```
    """
    frontals, laterals = choose(rng, rates.VIEWS)
    has_findings, has_impression = choose(rng, rates.SECTIONS)
    present = {
        "findings": has_findings,
        "impression": has_impression,
        "indication": rng.random() >= rates.NO_INDICATION,
        "comparison": rng.random() >= rates.NO_COMPARISON,
    }
    return Case(
        findings=_sample_findings(rng),
        indexed=rng.random() >= rates.UNINDEXED,
        frontals=frontals,
        laterals=laterals,
        sections=frozenset(key for key, there in present.items() if there),
    )


def read_case(mesh, rng):
    """Read the `MeSH` cell of a real study into what a phantom of it shows.

    Args:
        mesh: string. Terms joined by `;`.
        rng: `numpy.random.Generator`, for the places that the terms do not give.

    Returns:
        A pair of a `Case` with one image per view and the list of the terms
        that have no picture here (`normal` has one: nothing).

    Example:
    ```python
    case, left_out = read_case("Emphysema;Scoliosis", rng)
    left_out  # ["Scoliosis"]
    ```
    """
    terms = [term.strip() for term in mesh.split(";") if term.strip()]
    read = {term: from_mesh(term) for term in terms if term != NORMAL}
    left_out = [term for term in terms if term in read and read[term] is None]
    findings = []
    for finding in _merge([found for found in read.values() if found]):
        findings.append(complete(finding, rng, findings))
    indexed = bool(terms) and terms != [NO_INDEXING]
    return Case(findings=tuple(findings), indexed=indexed), left_out


def _merge(findings):
    """Draw once what several terms say of one place, as severe as the worst of them."""
    placed = {finding.name for finding in findings if finding.side or finding.region}
    merged = {}
    for finding in findings:
        key = finding.name, finding.side, finding.region
        if finding.name in placed and not any(key[1:]):
            continue  # `Opacity` beside `Opacity/lung/base/left` says no more.
        other = merged.get(key, finding)
        merged[key] = dataclasses.replace(
            finding,
            degree=max(other.degree, finding.degree, key=DEGREES.index),
            pattern=other.pattern or finding.pattern,
        )
    return list(merged.values())


def complete(finding, rng, others=()):
    """Fill in the place that a finding does not give, since it must be drawn somewhere.

    Args:
        finding: `Finding`. What it says already is kept.
        rng: `numpy.random.Generator`.
        others: sequence of `Finding` of the same study; atelectasis is likely to be
            beside the effusion.

    Returns:
        A `Finding` with side and region as its drawing needs them.

    Example:
    ```python
    complete(Finding("atelectasis", side="left"), rng)
    # Finding("atelectasis", "left", "base")
    ```
    """
    if finding.name not in rates.PLACES or (finding.side and finding.region):
        return finding
    if finding.pattern in rates.EVERYWHERE and not finding.region:
        return dataclasses.replace(finding, side=finding.side or "bilateral")
    places = {tuple(key.split("/")): n for key, n in rates.PLACES[finding.name].items()}
    fits = {
        (region, side): n
        for (region, side), n in places.items()
        if finding.side in ("", side) and finding.region in ("", region)
    }
    anchor, chance = rates.BESIDE.get(finding.name, ("", 0.0))
    near = [other for other in others if other.name == anchor]
    if near and not finding.side and rng.random() < chance:
        place = near[0].region or "base", near[0].side
        fits = {place: 1} if finding.region in ("", place[0]) else fits
    if not fits:  # A place that the table never saw, such as both hila.
        return dataclasses.replace(finding, side=finding.side or "bilateral")
    region, side = choose(rng, fits)
    return dataclasses.replace(finding, region=region, side=side)


def _sample_findings(rng):
    kind = choose(rng, rates.CLASSES)
    if kind == "normal":
        return ()
    names = _lung_names(rng) if kind == "lung" else []
    found = []
    for name in names + _other_names(rng, beside_lungs=kind == "lung"):
        degree = choose(rng, rates.DEGREES.get(name, {"": 1}))
        pattern = choose(rng, rates.PATTERNS.get(name, {"": 1}))
        if name == "hyperinflation" and degree == "severe":
            pattern = "emphysema"
        found.append(complete(Finding(name, "", "", degree, pattern), rng, found))
    return tuple(found)


def _lung_names(rng):
    names, weights = [], dict(rates.LUNG_RATES)
    for _ in range(choose(rng, rates.LUNG_COUNTS)):
        names.append(choose(rng, weights))
        lifts = rates.LIFTS[list(rates.LUNG_RATES).index(names[-1])]
        weights = {
            name: weights[name] * lift
            for name, lift in zip(rates.LUNG_RATES, lifts, strict=True)
            if name in weights and lift > 0
        }
        if not weights:
            break
    # In the order of FINDINGS, so that anchors come before what is beside them.
    return [name for name in FINDINGS if name in names]


def _other_names(rng, beside_lungs):
    column = 0 if beside_lungs else 1
    counts = {name: pair[column] for name, pair in rates.OTHER_RATES.items()}
    if beside_lungs:
        return [n for n in counts if rng.random() < counts[n] / rates.LUNG_STUDIES]
    first = choose(rng, counts)
    second = choose(rng, counts) if rng.random() < 0.08 else first
    return [name for name in counts if name in (first, second)]
