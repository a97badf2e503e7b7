"""Model answers and typical wrong ones, for those who mark by hand."""

import dataclasses
import pathlib

from coursework.yaml_file import read_yaml
from cxrbase.refusals import InputError

SHIPPED = pathlib.Path(__file__).with_name("model_answers.yaml")
MEND = "Write `model:` and `wrong:` below each exercise, as model_answers.yaml does."


@dataclasses.dataclass(frozen=True)
class ModelAnswer:
    """What a good answer says, and what others conclude wrongly.

    Args:
        model: string, `""` if there is none.
        wrong: tuple of strings.
    """

    model: str = ""
    wrong: tuple = ()


def read_answers(path=None):
    """Read the model answers.

    Args:
        path: string, `pathlib.Path` or `None`. YAML; by default the course's own, and
            none where they were left out, as in a student's copy.

    Returns:
        A dict, (notebook, exercise) to `ModelAnswer`, both strings.

    Raises:
        InputError: that names file, notebook and exercise.

    Example:
    ```python
    read_answers()["07_multitask", "2"].model
    ```
    """
    if path is None and not SHIPPED.exists():
        return {}
    path = pathlib.Path(path or SHIPPED)
    content = read_yaml(path, what="model answers") or {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no notebooks. {MEND}")
    found = {}
    for notebook, exercises in content.items():
        if not isinstance(exercises, dict):
            raise InputError(f"{path}: {notebook} holds no exercises. {MEND}")
        for exercise, told in exercises.items():
            fits = isinstance(told, dict) and set(told) <= {"model", "wrong"}
            model, wrong = (
                (told.get("model"), told.get("wrong", [])) if fits else (0, 0)
            )
            texts = [model, *wrong] if isinstance(wrong, list) else [None]
            if not all(isinstance(text, str) and text.strip() for text in texts):
                raise InputError(f"{path}: {notebook}, exercise {exercise}: {MEND}")
            answer = ModelAnswer(model.strip(), tuple(text.strip() for text in wrong))
            found[str(notebook), str(exercise)] = answer
    return found
