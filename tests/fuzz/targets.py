"""What is spoilt: by name, a command and how to make a bad input of its good one."""

from course_targets import Batches, Cards, HandedIn, Notebooks
from data_targets import Films, Prepared, Scores, Tables
from model_targets import GPT2, Encoders, Lungs, Models

TARGETS = {
    each.name: each
    for each in (
        Films, Tables, Scores, HandedIn, Notebooks, Cards, Batches, Models, Lungs,
        GPT2, Encoders, Prepared,
    )
}  # fmt: skip
