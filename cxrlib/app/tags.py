"""What the few DICOM tags that are read say about a film."""

TAGS = ("Modality", "ViewPosition", "BurnedInAnnotation", "BodyPartExamined")
MODALITIES = ("CR", "DX", "RG", "")
FRONTALS = ("AP", "PA", "")
CHESTS = ("CHEST", "THORAX", "LUNG", "")


def judge_tags(tags, view="frontal"):
    """What the tags of a film say against it, and what to warn of.

    Args:
        tags: dict, as `Decoder.decode` gives; empty for what is no DICOM.
        view: string. What the film was sent as.

    Returns:
        A pair: why it is refused, or `""`, and a list of warnings.

    Example:
    ```python
    judge_tags({"Modality": "CT"})[0]  # "is of the modality CT, not a radiograph"
    ```
    """
    said, warnings = "", []
    modality, part = tags.get("Modality", ""), tags.get("BodyPartExamined", "")
    position = tags.get("ViewPosition", "")
    if modality not in MODALITIES:
        said = f"is of the modality {modality}, not a radiograph"
    elif part not in CHESTS:
        said = f"shows, as its header says, {part}, not a chest"
    elif view == "frontal" and position not in FRONTALS:
        said = f"is, as its header says, a view {position}, not a frontal"
    annotated = tags.get("BurnedInAnnotation")
    if annotated == "YES":
        warnings.append(
            f"The {view} says that text is burned into its pixels (Burned In "
            "Annotation); it may name the patient."
        )
    elif annotated != "NO" and tags:
        warnings.append(
            f"The {view} does not say whether text is burned into its pixels. Look "
            "for names before you show it to anybody."
        )
    return said, warnings
