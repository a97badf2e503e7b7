"""The models that this course has trained, loaded in safe mode.

It is above the systems: importing it registers every class that a file may name.
"""

import cxrlib.models.chexnet
import cxrlib.models.text
import cxrlib.models.transformer
import cxrlib.systems.diagnosis.encoders
import cxrlib.systems.lungs.unet
import cxrlib.systems.reports.presets  # noqa: F401
from cxrbase.files import InputError
from cxrlib.training import read_model


def load_model(path, kind=None):
    """Load a `.keras` file of this course, in safe mode.

    Args:
        path: string or path.
        kind: class or `None`. What the file must hold, such as `ReportModel`.

    Returns:
        A Keras model, ready to generate if it is a `ReportModel`.

    Raises:
        InputError: if the file is missing, broken or of another kind.

    Example:
    ```python
    model = load_model("outputs/demo/07_multitask/model.keras")
    ```
    """
    model = read_model(path)
    if kind is not None and not isinstance(model, kind):
        raise InputError(
            f"{path}: holds a {type(model).__name__}, not a {kind.__name__}; give the "
            "model.keras of a training of this course."
        )
    return model
