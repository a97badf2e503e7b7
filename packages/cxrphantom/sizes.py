"""How large the findings of a phantom are, for scores by size."""

import pandas as pd

from cxrphantom.findings import OBSERVATION_OF
from cxrphantom.folder import read_finding_masks

COLUMNS = ("uid", "finding", "size")


def finding_sizes(path, uids=None):
    """Measure the true findings, under the names that a report labeler gives them.

    Args:
        path: string or `pathlib.Path`. A folder that `write_phantom` drew.
        uids: sequence of strings or `None`. Only of these studies.

    Returns:
        A `pandas.DataFrame` with a row per study and observation that an outline
        shows: `uid`, `finding` (see `OBSERVATION_OF`), and `size`, the percentage of
        the film inside its outlines, in the view that shows more of it.

    Raises:
        InputError: if there is no truth in the folder.

    Example:
    ```python
    finding_sizes("data/phantom").groupby("finding")["size"].median()
    ```
    """
    rows = []
    for uid, findings in read_finding_masks(path, uids).items():
        together = {}
        for name, mask in findings.items():
            kind = OBSERVATION_OF[name]
            together[kind] = together.get(kind, False) | mask
        for kind, mask in together.items():
            rows.append((uid, kind, 100 * float(mask.mean(axis=(1, 2)).max())))
    return pd.DataFrame(rows, columns=list(COLUMNS))
