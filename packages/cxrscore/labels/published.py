"""Published AUROCs of many labels, with what makes them comparable or not.

They are copied from the papers' tables, label by label; a macro AUROC is their mean
where all are told. What a row rests on is said in words: most of what makes such
numbers differ is not the model.
"""

import dataclasses
import statistics

from cxrscore.labels.vocabulary import NIH_LABELS

NIH_EIGHT = NIH_LABELS[:8]
CHEXPERT_FIVE = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion",
)  # fmt: skip
MINED = "text mining"
READ = "radiologists, who looked"
UNCHECKED = "not checked"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """One row of published AUROCs.

    Args:
        system: string.
        year: int.
        test: string. The films that it was tested on.
        films: string. How many.
        split: string. Who drew it, and whether by patient.
        labels: tuple of strings. The labels of the mean.
        by: string. Who labelled the test films.
        told: float or `None`. The mean as published, where the labels' own are not.
        percent: tuple of numbers. The labels' AUROCs × 100, in the order of `labels`;
            empty where not told.
        source: string. Address of the paper.
    """

    system: str
    year: int
    test: str
    films: str
    split: str
    labels: tuple = NIH_LABELS
    by: str = MINED
    told: float | None = None
    percent: tuple = ()
    source: str

    @property
    def aurocs(self):
        """The labels' AUROCs, in [0, 1]."""
        return tuple(each / 100 for each in self.percent)

    @property
    def macro(self):
        """The mean over the labels."""
        return statistics.mean(self.aurocs) if self.aurocs else self.told

    @property
    def differs(self):
        """What keeps it from being compared with a test on NIH's 14 labels, in words.

        Another split of the same films differs, too: how much, only a test on the same
        films would say.
        """
        found = []
        if not self.test.startswith("NIH"):
            found.append("another hospital")
        if set(self.labels) != set(NIH_LABELS):
            found.append(f"the mean of {len(self.labels)} labels, not 14")
        if self.by == READ:
            found.append("labels from looking, not from text")
        return "; ".join(found) or "other films of the same collection"


NIH = "NIH ChestX-ray14"
PUBLISHED = (
    Published(
        system="ChestX-ray8, ResNet-50", year=2017, test="NIH ChestX-ray8",
        films="20 % of 108,948", split="own, random", labels=NIH_EIGHT,
        percent=(70.69, 81.41, 73.62, 61.28, 56.09, 71.64, 63.33, 78.91),
        source="https://arxiv.org/abs/1705.02315",
    ),
    Published(
        system="DenseNet + LSTM (Yao)", year=2017, test=NIH, films="20 % of 112,120",
        split="own, random",
        percent=(
            77.2, 90.4, 85.9, 69.5, 79.2, 71.7, 71.3, 84.1, 78.8, 88.2, 82.9,
            76.7, 76.5, 91.4,
        ),
        source="https://arxiv.org/abs/1710.10501",
    ),
    Published(
        system="CheXNet", year=2017, test=NIH, films="20 % of 112,120",
        split="own, random, by patient",
        percent=(
            80.94, 92.48, 86.38, 73.45, 86.76, 78.02, 76.8, 88.87, 79.01,
            88.78, 93.71, 80.47, 80.62, 91.64,
        ),
        source="https://arxiv.org/abs/1711.05225",
    ),
    Published(
        system="SwinCheX", year=2022, test=NIH, films=UNCHECKED,
        split=UNCHECKED,
        percent=(
            78.1, 87.5, 82.4, 70.1, 82.2, 78, 71.3, 87.1, 74.8, 84.8, 91.4,
            82.6, 77.8, 85.5,
        ),
        source="https://arxiv.org/abs/2206.04246",
    ),
    Published(
        system="LT-ViT", year=2023, test=NIH, films=UNCHECKED, split=UNCHECKED,
        told=0.8198, source="https://arxiv.org/abs/2311.07263",
    ),
    Published(
        system="Anatomy-XNet", year=2021, test=NIH, films=UNCHECKED,
        split=UNCHECKED, told=0.8578, source="https://arxiv.org/abs/2106.05915",
    ),
    Published(
        system="torchxrayvision, ResNet50 of 512 pixels", year=2023, test=NIH,
        films="20 % of 112,120", split="own; trained on seven collections",
        percent=(78, 90, 86, 69, 82, 76, 71, 84, 78, 89, 88, 76, 76, 92),
        source="https://github.com/mlmed/torchxrayvision/blob/master/BENCHMARKS.md",
    ),
    Published(
        system="torchxrayvision, DenseNet121", year=2023, test=NIH,
        films="20 % of 112,120", split="own; trained on seven collections",
        percent=(76, 88, 85, 68, 80, 69, 71, 75, 77, 85, 73, 72, 74, 91),
        source="https://github.com/mlmed/torchxrayvision/blob/master/BENCHMARKS.md",
    ),
    Published(
        system="CheXpert, DenseNet121 × 30", year=2019, test="CheXpert",
        films="500 studies", split="published, by patient; the mean is not checked",
        labels=CHEXPERT_FIVE, by=READ, told=0.92, source="https://arxiv.org/abs/1901.07031",
    ),
    Published(
        system="CheXzero (no label seen)", year=2022, test="CheXpert",
        films="500 studies", split="trained on MIMIC-CXR's reports",
        labels=CHEXPERT_FIVE, by=READ, told=0.889,
        source="https://doi.org/10.1038/s41551-022-00936-9",
    ),
    Published(
        system="LT-ViT", year=2023, test="CheXpert", films=UNCHECKED,
        split=UNCHECKED, labels=CHEXPERT_FIVE, by=UNCHECKED, told=0.8890,
        source="https://arxiv.org/abs/2311.07263",
    ),
    Published(
        system="Anatomy-XNet", year=2021, test="CheXpert", films=UNCHECKED,
        split=UNCHECKED, labels=CHEXPERT_FIVE, by=UNCHECKED, told=0.9207,
        source="https://arxiv.org/abs/2106.05915",
    ),
)  # fmt: skip


def published_markdown(*rows):
    """Write the published rows as a Markdown table.

    Args:
        *rows: sequences of eight strings, written above the published ones: system,
            test films, how many, split, labels, by whom, macro AUROC, what differs.

    Returns:
        A string.

    Example:
    ```python
    print(published_markdown())
    ```
    """
    head = (
        "system", "tested on", "films", "split", "labels", "labelled by",
        "macro AUROC", "what differs from a test here",
    )  # fmt: skip
    rows = list(map(list, rows))
    for each in PUBLISHED:
        name = f"[{each.system}, {each.year}]({each.source})"
        rows.append(
            [name, each.test, each.films, each.split, str(len(each.labels)), each.by]
            + [f"{each.macro:.3f}", each.differs]
        )
    lines = [head, ["---"] * 4 + ["---:", "---", "---:", "---"], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def labels_markdown(ours=None):
    """Write the published AUROCs of NIH's fourteen labels as a Markdown table.

    Args:
        ours: dict of strings by label, or `None`: the first column.

    Returns:
        A string.

    Example:
    ```python
    print(labels_markdown({"Hernia": "0.71 (0.60 to 0.82)"}))
    ```
    """
    others = [p for p in PUBLISHED if p.aurocs and p.labels == NIH_LABELS]
    head = ["label", *(["this course"] if ours else []), *(p.system for p in others)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for i, label in enumerate(NIH_LABELS):
        mine = [ours.get(label, "")] if ours else []
        lines.append([label, *mine, *(f"{p.aurocs[i]:.2f}" for p in others)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
