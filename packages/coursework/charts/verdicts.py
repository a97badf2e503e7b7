"""What a report hits, misses and invents, as lines for a figure."""

from coursework.charts.style import GREY, HIT, MISS


def verdict_lines(reference, prediction):
    """Put into words which findings a report shares with its reference.

    Args:
        reference: string, or a missing value.
        prediction: string, or a missing value.

    Returns:
        A list of pairs: a line with its sign, and its colour.

    Example:
    ```python
    verdict_lines("Small left effusion.", "Right effusion.")
    # [("✗ wrong side: Pleural Effusion (right in place of left)", MISS)]
    ```
    """
    from cxrscore.clinical.marks import SIGNS, mark_reports

    found, lines = {}, []
    for each in mark_reports(reference, prediction).findings:
        words = f"{each.name} ({each.words})" if each.words else each.name
        found.setdefault(each.verdict, []).append(words)
    for verdict, sign in SIGNS.items():
        if verdict in found:
            words = f"{sign} {verdict}: {', '.join(found[verdict])}"
            lines.append((words, HIT if verdict == "hit" else MISS))
    return lines or [("No finding of the fourteen in either report", GREY)]
