"""Grounds of evidence: what the images and texts of a data set are."""

# Every score names its ground.
GROUNDS = {
    "phantom": "PHANTOM: simulated images and texts, no patient",
    "drawn": "DRAWN: real reports with simulated images",
    "real": "real radiographs and reports",
}


def source_ground(source):
    """Name the ground of evidence of a prepared folder: phantom, drawn or real."""
    if not source.get("is_phantom"):
        return "real"
    texts = (source.get("phantom") or {}).get("texts", "grammar")
    return "phantom" if texts == "grammar" else "drawn"
