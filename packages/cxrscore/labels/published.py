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
        aurocs: tuple of floats. In the order of `labels`; empty where not told.
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
    aurocs: tuple = ()
    source: str

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
        if self.by != MINED:
            found.append("labels from looking, not from text")
        return "; ".join(found) or "other films of the same collection"


NIH = "NIH ChestX-ray14"
PUBLISHED = (
    Published(
        system="ChestX-ray8, ResNet-50", year=2017, test="NIH ChestX-ray8",
        films="20 % of 108,948", split="own, random", labels=NIH_EIGHT,
        aurocs=(0.7069, 0.8141, 0.7362, 0.6128, 0.5609, 0.7164, 0.6333, 0.7891),
        source="https://arxiv.org/abs/1705.02315",
    ),
    Published(
        system="DenseNet + LSTM (Yao)", year=2017, test=NIH, films="20 % of 112,120",
        split="own, random",
        aurocs=(
            0.772, 0.904, 0.859, 0.695, 0.792, 0.717, 0.713, 0.841, 0.788, 0.882, 0.829,
            0.767, 0.765, 0.914,
        ),
        source="https://arxiv.org/abs/1710.10501",
    ),
    Published(
        system="CheXNet", year=2017, test=NIH, films="20 % of 112,120",
        split="own, random, by patient",
        aurocs=(
            0.8094, 0.9248, 0.8638, 0.7345, 0.8676, 0.7802, 0.7680, 0.8887, 0.7901,
            0.8878, 0.9371, 0.8047, 0.8062, 0.9164,
        ),
        source="https://arxiv.org/abs/1711.05225",
    ),
    Published(
        system="SwinCheX", year=2022, test=NIH, films="not checked",
        split="not checked",
        aurocs=(
            0.781, 0.875, 0.824, 0.701, 0.822, 0.780, 0.713, 0.871, 0.748, 0.848, 0.914,
            0.826, 0.778, 0.855,
        ),
        source="https://arxiv.org/abs/2206.04246",
    ),
    Published(
        system="LT-ViT", year=2023, test=NIH, films="not checked", split="not checked",
        told=0.8198, source="https://arxiv.org/abs/2311.07263",
    ),
    Published(
        system="Anatomy-XNet", year=2021, test=NIH, films="not checked",
        split="not checked", told=0.8578, source="https://arxiv.org/abs/2106.05915",
    ),
    Published(
        system="torchxrayvision, ResNet50 of 512 pixels", year=2023, test=NIH,
        films="20 % of 112,120", split="own; trained on seven collections",
        aurocs=(
            0.78, 0.90, 0.86, 0.69, 0.82, 0.76, 0.71, 0.84, 0.78, 0.89, 0.88, 0.76,
            0.76, 0.92,
        ),
        source="https://github.com/mlmed/torchxrayvision/blob/master/BENCHMARKS.md",
    ),
    Published(
        system="torchxrayvision, DenseNet121", year=2023, test=NIH,
        films="20 % of 112,120", split="own; trained on seven collections",
        aurocs=(
            0.76, 0.88, 0.85, 0.68, 0.80, 0.69, 0.71, 0.75, 0.77, 0.85, 0.73, 0.72,
            0.74, 0.91,
        ),
        source="https://github.com/mlmed/torchxrayvision/blob/master/BENCHMARKS.md",
    ),
    Published(
        system="CheXpert, DenseNet121 × 30", year=2019, test="CheXpert",
        films="500 studies", split="published, by patient", labels=CHEXPERT_FIVE,
        by=READ, told=0.92, source="https://arxiv.org/abs/1901.07031",
    ),
    Published(
        system="CheXzero (no label seen)", year=2022, test="CheXpert",
        films="500 studies", split="trained on MIMIC-CXR's reports",
        labels=CHEXPERT_FIVE, by=READ, told=0.889,
        source="https://doi.org/10.1038/s41551-022-00936-9",
    ),
    Published(
        system="LT-ViT", year=2023, test="CheXpert", films="not checked",
        split="not checked", labels=CHEXPERT_FIVE, by=READ, told=0.8890,
        source="https://arxiv.org/abs/2311.07263",
    ),
    Published(
        system="Anatomy-XNet", year=2021, test="CheXpert", films="not checked",
        split="not checked", labels=CHEXPERT_FIVE, by=READ, told=0.9207,
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
