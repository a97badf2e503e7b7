"""What a notebook asks of a student: predictions and answers."""

import datetime

import numpy as np

from coursework.record import check_answers, read_results
from coursework.student.answers import about_answer
from cxrbase.files import InputError

LONGEST = 1000  # Characters of a prediction that are kept.


def made_before(folder):
    """The predictions that an earlier run of the notebook has left.

    Args:
        folder: `pathlib.Path`. The notebook's own in the run.

    Returns:
        A dict, as `predicted` in `results.json`; empty if it never ran to its end.
    """
    try:
        return dict(read_results(folder / "results.json").get("predicted", {}))
    except InputError:
        return {}


class Asked:
    """The part of `coursework.results.Results` that listens to a student."""

    def predict(self, number, text):
        """Keep what a student expects of the cell that begins with this call.

        What is written before the cell runs for the first time stands. An empty text
        is allowed; the outcome has then been seen, also by the notebook's next run in
        the same folder, and what is written later is kept as made afterwards.

        Args:
            number: int. The prediction's, in its notebook.
            text: string. `""` or `None` for none.

        Example:
        ```python
        results.predict(1, "the label")  # Your guess, before this cell runs.
        ```
        """
        made = self.record["predicted"]
        text = "" if text is None else str(text).strip()[:LONGEST]
        known = made.get(str(number))
        if known and (known["text"] or not text):
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        made[str(number)] = {"text": text, "when": now, "before": known is None}
        if known:
            print(f"Prediction {number} is noted as made after the outcome was seen.")

    def answers(self, answers):
        """Keep the answers to the exercises.

        Args:
            answers: dict. Keys are the exercises' numbers as strings, values
                finite numbers, texts, or `None` for no answer.

        Raises:
            InputError: that names an answer of another type.
        """
        if isinstance(answers, dict):  # A NumPy number is a number, too.
            answers = {
                number: answer.item() if isinstance(answer, np.generic) else answer
                for number, answer in answers.items()
            }
        check_answers(answers)
        self.record["answers"] = answers

    def check(self, number, answer):
        """Print whether an answer has the form asked for: its type, range and unit.

        It does not know which answer is right.

        Args:
            number: string. The exercise's.
            answer: string, number or `None`.

        Example:
        ```python
        results.check("1", answer_1)
        ```
        """
        answer = answer.item() if isinstance(answer, np.generic) else answer
        if words := about_answer(self.record["notebook"], number, answer):
            print(words)
