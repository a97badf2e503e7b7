"""What every notebook after the first begins with: the studies, prepared."""

import pathlib

from cxrlib.data.prepare import prepare
from cxrlib.data.sources import find_dataset
from cxrlib.data.splits import split_studies
from cxrlib.data.studies import funnel, load_studies
from cxrlib.systems.lungs.crop import crop_options


def course_data(
    run,
    data="phantom",
    studies=300,
    phantom_size=256,
    image_size=64,
    test_share=0.1,
    seed=0,
    crop="none",
    columns="",
    image_root="",
):
    """Find, clean, split and prepare the studies as `01_data` does, step by step.

    What an earlier notebook of the same run has left is taken over.

    Args:
        run: string or path. The folder of the run.
        data: string. A folder, a CSV, `"phantom"`, or `""` to look for it.
        studies: int. How many a phantom draws.
        phantom_size: int. Side of a drawn radiograph in pixels.
        image_size: int. Side of what the models see in pixels.
        test_share: float. Of the studies; val gets a tenth.
        seed: int. Of the phantom and the split.
        crop: string. `"none"` or `"lungs"`.
        columns: string. For a CSV: `"report=notes,patient=patientid"`.
        image_root: string. The folder that a CSV's image paths start from.

    Returns:
        The path of the prepared folder, `run/prepared`.

    Raises:
        InputError: if there is no such dataset, or it has no usable study.

    Example:
    ```python
    prepared = course_data("outputs/course", studies=60, phantom_size=128)
    ```
    """
    run = pathlib.Path(run)
    dataset = find_dataset(
        data,
        columns=dict(pair.split("=", 1) for pair in columns.split(",") if pair),
        image_root=image_root,
        phantom_studies=studies,
        phantom_size=phantom_size,
        seed=seed,
        phantom_out=run / "phantom",
    )
    kept, _ = funnel(load_studies(dataset))
    shares = (0.9 - test_share, 0.1, test_share)
    prepared = run / "prepared"
    split = split_studies(kept[kept.on_disk], shares, seed, prepared / "split.csv")
    prepare(split, prepared, size=image_size, progress=False, **crop_options(crop))
    return prepared
