"""The form of every answer, as OpenAPI describes it."""

from typing import Literal

from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from cxrlib.app.limits import NOT_CLINICAL


class Answer(BaseModel):
    """What all answers say."""

    intended_use: Literal["not for clinical use"] = NOT_CLINICAL


class Model(BaseModel):
    """Which model answers, and what it has learned from."""

    name: str
    labels: list[str]
    thresholds: list[float]
    trained_on: str
    ground: str = Field(description="phantom, real, … : what its films were")
    can: list[str] = Field(description="of heatmap, outline, report")


class Health(Answer):
    """Whether the server answers, and for whom."""

    status: Literal["ready", "busy"]
    version: str
    waiting: int
    model: Model
    limits: dict[str, float]


class Film(BaseModel):
    """The frontal as the model sees it."""

    width: int
    height: int
    picture: str = Field(description="a PNG as data: address, 8 bits, perhaps smaller")
    notes: list[str]
    warnings: list[str]


class FindingAnswer(BaseModel):
    """One label."""

    label: str
    probability: float
    threshold: float
    answer: Literal["present", "not sure", "absent"]
    words: str


class Prediction(Answer):
    """The diagnosis of a frontal."""

    film: Film
    findings: list[FindingAnswer]
    summary: str
    model: Model


class HeatMap(Answer):
    """Where the model looked for a label."""

    label: str
    values: list[list[float]] = Field(description="rows from the top, 1 at the peak")
    empty: bool = Field(description="whether nothing raised the probability")


class Outline(Answer):
    """The lungs."""

    outlines: list[list[tuple[float, float]]]
    flag: str = Field(description="why the outline is not to be trusted, or empty")


class Stage(Answer):
    """One line of the report's answer."""

    stage: Literal["waiting", "reading", "writing", "done", "refused"]
    expected_seconds: float | None = None
    text: str | None = None
    notes: list[str] | None = None
    reason: str | None = None
    message: str | None = None


class Refused(Answer):
    """Why there is no answer."""

    reason: str
    message: str
    retry_after: int | None = None
    film: Film | None = None


class Told(StreamingResponse):
    """Lines of JSON, and a place that is given back however it ends.

    Args:
        stages: async iterator of dicts, fields of a `Stage`.
        stack: a `contextlib.ExitStack`, closed at the end, also where nobody is left
            to read the first line.
    """

    def __init__(self, stages, stack):
        super().__init__(self._lines(stages), media_type="application/x-ndjson")
        self.stack = stack

    async def __call__(self, scope, receive, send):
        """Send the lines."""
        with self.stack:
            await super().__call__(scope, receive, send)

    @staticmethod
    async def _lines(stages):
        async for fields in stages:
            stage = Stage(**fields)
            yield stage.model_dump_json(exclude_none=True) + "\n"
