"""Which findings two reports share, finding by finding, for a reader."""

from cxrscore.clinical.labeler import label_report
from cxrscore.clinical.laterality import report_sides
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.clinical.scope import POSITIVE, UNCERTAIN


def compare_findings(reference, prediction):
    """Tell the findings that a report names rightly from those it misses or adds.

    A finding counts where it is positive or uncertain. "No Finding" is none.

    Args:
        reference: string, or a missing value.
        prediction: string, or a missing value.

    Returns:
        A dict of lists of observations: `hit` (both name it), `wrong_side` (both name
        it, on sides that have nothing in common), `missed` (only the reference names
        it) and `added` (only the prediction does).

    Example:
    ```python
    compare_findings("Small left effusion. Edema.", "Right effusion. Pneumothorax.")
    # {"hit": [], "wrong_side": ["Pleural Effusion"], "missed": ["Edema"],
    #  "added": ["Pneumothorax"]}
    ```
    """
    true, said = (_named(text) for text in (reference, prediction))
    sides = [report_sides(text) for text in (reference, prediction)]
    found = {"hit": [], "wrong_side": [], "missed": [], "added": []}
    for name in OBSERVATIONS:
        if name in true and name in said:
            places = [each.get(name) for each in sides]
            apart = all(places) and not set.intersection(*places)
            found["wrong_side" if apart else "hit"].append(name)
        elif name in true or name in said:
            found["missed" if name in true else "added"].append(name)
    return found


def _named(text):
    """The observations that a report names as there or as possible."""
    labels = label_report(text).items()
    named = {name for name, state in labels if state in (POSITIVE, UNCERTAIN)}
    return named - {"No Finding"}
