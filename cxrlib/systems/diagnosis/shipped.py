"""The diagnosis that this course ships, trained on films of NIH ChestX-ray14."""

from cxrbase.files import InputError
from cxrlib.pretrained.load import weights_path
from cxrlib.systems.diagnosis.model import DiagnosisModel
from cxrlib.systems.files import load_model

SHIPPED = "nih-diagnosis"


def load_diagnosis_model(path=None):
    """Load a diagnosis: the shipped one, or one that was trained here.

    Args:
        path: string, path or `None`. A `.keras` file of `train_diagnosis`; `None`
            takes `nih_diagnosis.keras` from `$CXR_WEIGHTS` or `weights/`.

    Returns:
        A `DiagnosisModel`. Its `origin` says what it was trained on.

    Raises:
        InputError: if the file is missing, broken, of another kind, not the one that
            its checksum names, or its model has learned nothing.

    Example:
    ```python
    model = load_diagnosis_model()
    predict_films(model, read_films(["film.png"], model.image_size))
    ```
    """
    path = weights_path(path or SHIPPED)
    model = load_model(path, DiagnosisModel)
    trained_on = model.origin["trained_on"]
    if trained_on.startswith("nothing"):
        raise InputError(
            f"{path}: was trained on {trained_on}. Its answers would be noise: train "
            "it first, or give a file that is trained."
        )
    return model
