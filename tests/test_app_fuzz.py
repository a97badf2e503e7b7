"""The web page's interface under schemathesis and broken uploads: no 500, ever."""

import contextlib
import random

import cv2
import numpy as np
import pytest
from films import giant_png
from served import Quick, png

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient  # noqa: E402

from cxrlib.app.limits import Limits  # noqa: E402
from cxrlib.app.server import create_app  # noqa: E402

pytestmark = pytest.mark.long
HOME = "http://127.0.0.1:8000"
UPLOADS = 10_000


def broken(rng, whole):
    """A film with some of its bytes changed, moved, repeated or lost."""
    data = bytearray(rng.choice(whole))
    for _ in range(rng.randint(1, 6)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        change = rng.randrange(5)
        if change == 0 and data:
            data[rng.randrange(len(data))] = rng.randrange(256)
        elif change == 1:
            del data[at : min(end, at + 64)]
        elif change == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 32))
        elif change == 3:
            data[at:at] = data[at : min(end, at + 128)]
        else:
            del data[max(1, at) :]
        data = data or bytearray(b"\0")
    return bytes(data)


def test_broken_uploads_get_no_500_and_good_ones_still_an_answer():
    rng = random.Random(7)
    jpeg = cv2.imencode(".jpg", np.eye(80, dtype="uint8") * 200)[1]
    dicom = bytes(128) + b"DICM" + rng.randbytes(300)
    whole = [png(), jpeg.tobytes(), dicom, giant_png(2000, 2000), b"GIF89a" + bytes(90)]
    app = create_app(Quick(), Limits(decode_seconds=60))
    with TestClient(app, HOME, raise_server_exceptions=False) as client:
        seen = set()
        for turn in range(UPLOADS):
            view = rng.choice(("frontal", "frontal", "lateral"))
            name = rng.choice(
                ("a.png", "ü" * 90, "../../etc/passwd", "", "a\0b", "x" * 400)
            )
            films = {view: (name, broken(rng, whole))}
            answer = client.post("/api/predict", files=films)
            assert answer.status_code in (200, 413, 422), (turn, answer.text)
            assert answer.json()["intended_use"] == "not for clinical use"
            seen.add(answer.json().get("reason"))
            if turn % 200 == 0:
                answer = client.post("/api/predict", files={"frontal": png()})
                assert answer.status_code == 200
        assert {"unreadable", "no_frontal"} <= seen


def test_broken_forms_get_no_500():
    rng = random.Random(8)
    form = (
        b'--b\r\nContent-Disposition: form-data; name="frontal"; filename="f"\r\n\r\n'
    )
    whole = [form + png() + b"\r\n--b--\r\n"]
    with TestClient(create_app(Quick()), HOME, raise_server_exceptions=False) as client:
        for turn in range(500):
            kind = "multipart/form-data; boundary=" + rng.choice(
                ("b", "", "c", "b" * 99)
            )
            with contextlib.suppress(UnicodeError):
                answer = client.post(
                    "/api/predict",
                    content=broken(rng, whole),
                    headers={"content-type": kind},
                )
                assert answer.status_code in (200, 400, 413, 415, 422), (turn, answer)


def test_schemathesis_finds_no_answer_that_is_not_described():
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    from schemathesis.specs.openapi import checks

    wanted = [
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    app = create_app(Quick(), hosts=("*",))  # Its client calls it "testserver".
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    settings = hypothesis.settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    with TestClient(app, HOME):  # So that the decoders run.
        for operation in schema.get_all_operations():

            @hypothesis.given(operation.ok().as_strategy())
            @settings
            def holds(case):
                answer = case.call()
                assert answer.status_code < 500
                case.validate_response(answer, checks=wanted)

            holds()
