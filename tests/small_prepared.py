"""Twenty phantom studies, prepared: one without a label, one without a text."""

import numpy as np

from cxrlib.data.prepare import prepare
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
from cxrphantom.dataset import write_phantom

# What a CSV could spoil: quotes, line ends, an answer that looks like a missing one.
AWKWARD = ('He said "no",\r\nthen\rleft;\n é ', "None.")
# A split of all twenty, and a training on them that takes seconds.
SPLITS = ["train"] * 10 + ["val"] * 6 + ["test"] * 4
SMALL = {"preset": "tiny", "epochs": 2, "batch_size": 5, "learning_rate": 0.003}
SMALL |= {"sequence_length": 24, "vocabulary_size": 320}


def draw_usable(folder):
    """Draw twenty studies at 64 × 64 that the funnel keeps."""
    root = write_phantom(folder, studies=40, size=64, processes=1, progress=False)
    kept, _ = funnel(load_studies(find_dataset(root)))
    return kept.head(20).reset_index(drop=True)


def draw_studies(folder):
    """Draw them, split them, and spoil a few."""
    kept = draw_usable(folder)
    kept["split"] = ["train"] * 14 + ["val"] * 3 + ["test"] * 3
    kept.loc[0, "abnormal"] = np.nan
    kept.loc[1, "impression"] = ""
    kept.loc[[2, 14], "impression"] = AWKWARD
    return kept


def prepare_studies(studies, out, **options):
    """Write them in four shards of train and one of each other split."""
    prepare(studies, out, size=64, shard_size=4, processes=1, progress=False, **options)
    return out
