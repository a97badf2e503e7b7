"""Grounds of evidence: what the images and texts of a data set are."""

# Every score names its ground.
GROUNDS = {
    "phantom": "PHANTOM: simulated images and texts, no patient",
    "drawn": "PHANTOM IMAGES, REAL TEXTS: no film of a patient",
    "real": "real radiographs and reports",
    "unknown": "UNKNOWN GROUND: not known whether real or simulated",
}
# The same within a sentence.
NAMES = {
    "phantom": "phantoms",
    "drawn": "phantom images with real texts",
    "real": "real studies",
}
# The grounds that a result may rest on.
NAMED_GROUNDS = tuple(ground for ground in GROUNDS if ground != "unknown")


def one_ground(grounds):
    """Name the one ground of several films.

    Args:
        grounds: iterable of strings.

    Returns:
        A key of `GROUNDS`: `"unknown"` where there are several, or another word.

    Example:
    ```python
    one_ground(["real", "phantom"])  # "unknown"
    ```
    """
    told = {ground if ground in NAMED_GROUNDS else "unknown" for ground in grounds}
    return told.pop() if len(told) == 1 else "unknown"


def source_ground(source):
    """Name the ground of evidence of a prepared folder.

    Args:
        source: dict. `source` of the folder's manifest. Manifests older than the
            entry `ground` say `is_phantom` and what `phantom.json` said.

    Returns:
        A key of `GROUNDS`: `"unknown"` where the source does not say, never `"real"`.

    Example:
    ```python
    source_ground(read_manifest("outputs/prepared")["source"])
    ```
    """
    if "ground" in source:
        return one_ground([source["ground"]])
    if source.get("is_phantom") is None:
        return "unknown"
    if not source["is_phantom"]:
        return "real"
    texts = (source.get("phantom") or {}).get("texts", "grammar")
    return "phantom" if texts == "grammar" else "drawn"
