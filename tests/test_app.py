"""The web page's server: what it answers, what it refuses, what it leaves behind."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import re
import socket
import sys
import threading
import time

import numpy as np
import pytest
from films import film, giant_png, write_dicom
from served import LABELS, Quick, png

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient  # noqa: E402
from starlette.formparsers import MultiPartParser  # noqa: E402
from starlette.websockets import WebSocketDisconnect  # noqa: E402

from cxrbase.files import InputError  # noqa: E402
from cxrlib.app import server  # noqa: E402
from cxrlib.app.desk import Desk  # noqa: E402
from cxrlib.app.limits import NOT_CLINICAL, Limits, Refusal  # noqa: E402
from cxrlib.app.server import create_app  # noqa: E402

HOME = "http://127.0.0.1:8000"
NO_BIGGER = Limits(body=400_000, film=300_000, decode_seconds=30)


def client_of(system=None, limits=NO_BIGGER, **options):
    app = create_app(system or Quick(), limits, **options)
    return TestClient(app, HOME, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client():
    with client_of() as client:
        yield client


def sent(client, film, path="/api/predict", name="film.png", **more):
    return client.post(path, files={"frontal": (name, film)}, **more)


def refused(answer, status, reason):
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["reason"] == reason and said["intended_use"] == NOT_CLINICAL
    return said["message"]


# === Answers ===


def test_a_frontal_gets_all_labels_against_their_thresholds(client):
    said = sent(client, png()).json()
    assert [each["label"] for each in said["findings"]] == list(LABELS)
    answers = {each["label"]: each["answer"] for each in said["findings"]}
    assert answers["Cardiomegaly"] == "present" and answers["Hernia"] == "absent"
    assert answers["Effusion"] == "not sure"  # 0.31 against 0.30.
    assert said["summary"].startswith("Called present: Cardiomegaly. Not sure of: Eff")
    assert "close to its threshold of 30 %" in said["findings"][2]["words"]
    assert said["model"]["trained_on"] == Quick.trained_on
    assert said["film"]["picture"].startswith("data:image/png;base64,")
    assert (said["film"]["width"], said["film"]["height"]) == (240, 300)


def test_health_names_the_model_and_the_limits(client):
    said = client.get("/api/health").json()
    assert said["status"] == "ready" and said["limits"]["film"] == 300_000
    assert said["model"]["can"] == ["heatmap", "outline", "report"]


def test_the_heat_map_is_scaled_to_its_peak(client):
    said = sent(client, png(), "/api/heatmap", data={"label": "Mass"}).json()
    assert said["values"] == [[0, 1], [0.5, 0]] and not said["empty"]
    answer = sent(client, png(), "/api/heatmap", data={"label": "Joy"})
    refused(answer, 422, "no_label")


def test_the_outline_is_in_shares_of_the_film(client):
    said = sent(client, png(), "/api/outline").json()
    assert len(said["outlines"]) == 2 and said["flag"] == ""


def test_the_report_tells_its_stages(client):
    answer = sent(client, png(), "/api/report")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    stages = [line["stage"] for line in lines]
    assert stages == ["waiting", "reading", "writing", "done"]
    assert lines[-1]["text"] == "The heart is enlarged."
    assert lines[-1]["notes"] == ["The lateral view was missing."]
    assert all(line["intended_use"] == NOT_CLINICAL for line in lines)
    assert all("expected_seconds" in line for line in lines[:-1])


def test_the_lateral_reaches_the_report(client):
    files = {"frontal": png(), "lateral": png(film(280, 200)[0])}
    last = client.post("/api/report", files=files).text.splitlines()[-1]
    assert json.loads(last)["notes"] == []


def test_a_system_without_reports_says_so():
    class Less(Quick):
        report = None

    with client_of(Less()) as client:
        refused(sent(client, png(), "/api/report"), 404, "not_able")
        assert "report" not in client.get("/api/health").json()["model"]["can"]


def test_every_answer_says_that_it_is_not_for_clinical_use(client):
    for answer in (
        client.get("/api/health"), client.get("/nowhere"), client.get("/api/predict"),
        client.get("/"), sent(client, png()), sent(client, b"x"),
        client.get("/api/openapi.json"), client.get("/", headers={"host": "evil"}),
    ):  # fmt: skip
        assert answer.headers["x-intended-use"] == NOT_CLINICAL
        assert "script-src" not in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].startswith(
            "default-src 'self'"
        )
        if "json" in answer.headers["content-type"] and "openapi" not in answer.text:
            assert answer.json()["intended_use"] == NOT_CLINICAL


# === Refusals ===


def test_what_is_no_film_is_refused_by_its_bytes(client):
    for data, words in (
        (b"", "empty"),
        (b"GIF89a" + bytes(50), "neither PNG, JPEG nor DICOM"),
        (b"<!DOCTYPE html>", "web page"),
        (png()[:200], "truncated"),
        (png(np.full((90, 90), 0.5)), "shows nothing"),
        (giant_png(), "at most 40,000,000"),
    ):
        message = sent(client, data, name="film.png").json()["message"]
        assert words in message and "film.png" not in message


def test_a_name_or_a_file_or_a_body_that_is_too_large_is_refused(client):
    refused(sent(client, png(), name="n" * 300), 422, "name_too_long")
    refused(sent(client, png(), name="n" * 100_000), 422, "bad_form")
    refused(sent(client, bytes(310_000)), 413, "too_large")
    refused(sent(client, bytes(500_000)), 413, "too_large")

    def chunks():
        head = b'--b\r\nContent-Disposition: form-data; name="frontal"; filename="f"'
        yield head + b"\r\n\r\n"
        for _ in range(100):
            yield bytes(10_000)

    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = client.post("/api/predict", content=chunks(), headers=kind)
    refused(answer, 413, "too_large")


def test_all_open_uploads_together_are_bounded():
    limits = dataclasses.replace(NO_BIGGER, bodies=100_000)
    with client_of(limits=limits) as client:
        answer = sent(client, bytes(200_000))
        refused(answer, 429, "busy")
        assert answer.headers["retry-after"] == "2" and answer.json()["retry_after"]
        for _ in range(30):  # What was sent is given back.
            assert sent(client, png()).status_code == 200


def test_a_form_of_another_kind_is_refused(client):
    refused(client.post("/api/predict", json={}), 415, "no_form")
    refused(client.post("/api/predict", files={"x": b"y"}), 422, "bad_form")
    refused(client.post("/api/predict", files={"lateral": png()}), 422, "no_frontal")
    files = [("frontal", png()), ("frontal", png())]
    refused(client.post("/api/predict", files=files), 422, "bad_form")
    kind = {"content-type": "multipart/form-data"}
    answer = client.post("/api/predict", content=b"--", headers=kind)
    refused(answer, 422, "bad_form")


def test_another_page_or_another_name_is_refused(client):
    # A page of the web may send to 127.0.0.1, and a name may resolve to it.
    other = {"origin": "https://evil.example"}
    refused(sent(client, png(), headers=other), 403, "other_origin")
    other = {"sec-fetch-site": "cross-site"}
    refused(sent(client, png(), headers=other), 403, "other_origin")
    assert sent(client, png(), headers={"origin": HOME}).status_code == 200
    answer = client.get("/api/health", headers={"host": "evil.example:8000"})
    refused(answer, 421, "wrong_host")
    assert client.get("/", headers={"host": "[::1]:8000"}).status_code == 200
    broken = {"origin": "http://[x"}
    refused(sent(client, png(), headers=broken), 403, "other_origin")
    assert client.get("/", headers=broken).status_code == 200
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


def test_names_are_compared_without_case_and_with_brackets():
    with client_of(hosts=("MyBox", "fe80::1")) as client:
        for name in ("mybox", "MYBOX:8000", "[FE80::1]:8000"):
            assert client.get("/", headers={"host": name}).status_code == 200
        answer = client.get("/", headers={"host": "yourbox"})
        assert "--name HOST" in refused(answer, 421, "wrong_host")


def test_a_taken_port_is_told_before_a_model_is_loaded(monkeypatch):
    loaded = []
    monkeypatch.setattr(server, "load_system", lambda model: loaded.append(model))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port}: is taken.*--port"):
            server.run_server(port=port)
    with pytest.raises(InputError, match="can't be listened on"):
        server.run_server(host="192.0.2.1")  # An address of no machine.
    assert not loaded


def test_an_address_of_ipv6_is_printed_with_brackets(monkeypatch):
    said = []
    monkeypatch.setattr(server, "load_system", lambda model: (Quick(), None))
    monkeypatch.setattr(
        server.Announced, "run", lambda self, sockets: said.append(self.said)
    )
    server.run_server(host="::1", port=0)
    assert re.search(r"http://\[::1\]:\d+ ", said[0])


def test_the_gate_refuses_and_still_shows_the_film():
    system = Quick()
    with client_of(system, gate=lambda film: "is a cat") as client:
        system.asked.clear()
        for path in ("/api/predict", "/api/heatmap"):
            words = {"label": "Mass"} if path == "/api/heatmap" else None
            answer = sent(client, png(), path, data=words)
            message = refused(answer, 422, "not_a_frontal_chest_film")
            assert "it is a cat" in message
            assert answer.json()["film"]["picture"].startswith("data:image/png")
        last = json.loads(sent(client, png(), "/api/report").text.splitlines()[-1])
        assert last["reason"] == "not_a_frontal_chest_film"
        assert not system.asked


def test_the_tags_of_dicom_refuse_and_warn_and_go_no_further(client, tmp_path):
    image = (film()[0] * 4000).astype("uint16")

    def dicom(**tags):
        write_dicom(tmp_path / "film.dcm", image, PatientName="DOE^JANE", **tags)
        return sent(client, (tmp_path / "film.dcm").read_bytes())

    good = dicom(Modality="DX", BurnedInAnnotation="YES")
    assert "Burned In Annotation" in good.json()["film"]["warnings"][0]
    assert "DOE" not in good.text and "JANE" not in good.text
    assert "does not say" in dicom(Modality="CR").json()["film"]["warnings"][0]
    assert (
        dicom(Modality="CR", BurnedInAnnotation="NO").json()["film"]["warnings"] == []
    )
    for tags in (
        {"Modality": "CT"},
        {"BodyPartExamined": "HAND"},
        {"ViewPosition": "LL"},
    ):
        refused(dicom(**tags), 422, "not_a_frontal_chest_film")


def test_the_same_film_twice_is_warned_of(client):
    files = {"frontal": png(), "lateral": png()}
    warnings = client.post("/api/predict", files=files).json()["film"]["warnings"]
    assert "one and the same film" in warnings[0]


# === Waiting ===


class Slow(Quick):
    """Waits until it is let go."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()
        self.go.set()

    def diagnose(self, film):
        self.go.wait(20)
        return super().diagnose(film)


def test_a_full_server_answers_429_with_a_time_and_the_rest_is_served():
    system, codes = Slow(), []
    with client_of(system, Limits(waiting=2)) as client:
        system.go.clear()
        threads = [
            threading.Thread(target=lambda: codes.append(sent(client, png())))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        wait = time.monotonic() + 10
        while len(codes) < 3 and time.monotonic() < wait:
            time.sleep(0.02)
        busy = [answer for answer in codes if answer.status_code == 429]
        assert len(busy) == 3 and client.get("/api/health").json()["status"] == "busy"
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in busy)
        assert busy[0].json()["retry_after"] == int(busy[0].headers["retry-after"])
        system.go.set()
        for thread in threads:
            thread.join(20)
        assert sorted(answer.status_code for answer in codes) == [200] * 3 + [429] * 3
        assert sent(client, png()).status_code == 200


def test_a_place_is_free_again_whatever_happens():
    async def come():
        desk = Desk("test", waiting=0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), desk.place():
                await desk.serve(lambda: 1 / 0)
        with desk.place():
            with pytest.raises(Refusal), desk.place():
                pass
            begun, go = threading.Event(), threading.Event()

            def work():
                begun.set()
                go.wait(20)

            leaving = asyncio.ensure_future(desk.serve(work))
            await asyncio.to_thread(begun.wait)
            leaving.cancel()
            following = asyncio.ensure_future(desk.serve(lambda: "served"))
            await asyncio.sleep(0.05)
            assert not following.done()  # Not beside the thread that still works.
            go.set()
            assert await following == "served"
        assert desk.here == 0
        desk.close()

    asyncio.run(come())


def test_a_fault_is_500_in_the_same_form_and_the_next_is_served():
    class Broken(Quick):
        def diagnose(self, film):
            if film.shape == (50, 50):
                raise KeyError("secret")
            return super().diagnose(film)

    with client_of(Broken(), gate=lambda film: "") as client:
        answer = sent(client, png(film(50, 50)[0]))
        refused(answer, 500, "fault")
        assert "secret" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-intended-use"] == NOT_CLINICAL
        assert sent(client, png()).status_code == 200


# === What is left behind ===


WRITES = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate", "os.remove")
written, watched = [], threading.Event()


def watch(event, details):
    """An audit hook: what is opened for writing or made, while it is watched."""
    if not watched.is_set():
        return
    if event == "open" and (details[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        written.append(details[0])
    elif event in WRITES or event.startswith(("tempfile", "shutil", "sqlite3")):
        written.append((event, *details))


def test_nothing_is_written_and_nothing_logged_but_a_hash(caplog, tmp_path):
    sys.addaudithook(watch)
    large = png(np.random.default_rng(0).random((1500, 1500)))
    assert len(large) > 2**20  # Starlette would spool it to a disk.
    image = (film()[0] * 4000).astype("uint16")
    write_dicom(tmp_path / "film.dcm", image, PatientName="DOE^JANE", Modality="DX")
    dicom = (tmp_path / "film.dcm").read_bytes()
    with client_of(limits=Limits()) as client, caplog.at_level(logging.DEBUG):
        sent(client, png(), "/api/report")  # What is imported late has been.
        caplog.clear()
        watched.set()
        try:
            for data in (large, dicom, b"no film"):
                sent(client, data, name="Jane_Doe.png")
            sent(client, large, "/api/heatmap", data={"label": "Mass"})
            sent(client, large, "/api/outline")
            sent(client, large, "/api/report")
            (tmp_path / "seen").write_text("The hook sees it.")
        finally:
            watched.clear()
    assert [str(each) for each in written] == [str(tmp_path / "seen")]
    lines = [r.getMessage() for r in caplog.records if r.name == "cxrlib.app"]
    assert len(lines) == 6
    for line in lines:
        assert re.fullmatch(r"\w+ [0-9a-f]{12} (answered|unreadable) \d+ ms", line)
    assert "Jane" not in caplog.text and "JANE" not in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_decoder_can_write_nothing_and_has_a_bound_of_memory():
    from cxrlib.app.decoder import Decoder

    with contextlib.closing(Decoder(seconds=30, memory=3 * 2**30)) as decoder:
        decoder.decode(png())
        limits = pathlib.Path(f"/proc/{decoder._process.pid}/limits").read_text()
    bounds = {"file size": 0, "core file size": 0, "address space": 3 * 2**30}
    for name, most in bounds.items():
        assert re.search(rf"Max {name} +{most} +{most} ", limits)


def test_a_film_that_kills_or_hangs_the_decoder_costs_only_itself(monkeypatch):
    from cxrlib.app.decoder import Decoder

    decoder = Decoder(seconds=30)
    try:
        assert decoder.decode(png())[0].shape == (300, 240)
        decoder._process.kill()
        decoder._process.wait()
        assert decoder.decode(png())[0].shape == (300, 240)
        decoder.seconds = 0
        with pytest.raises(Refusal, match="took too long"):
            decoder.decode(png())
        decoder.seconds = 30
        assert decoder.decode(png())[0].shape == (300, 240)
    finally:
        decoder.close()


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ([], b""), ({}, b""), ({"shape": [3, 3]}, b""), ({"shape": None}, bytes(4)),
        ({"shape": [1, 1], "notes": [], "tags": 3}, bytes(4)),
        ({"shape": [1], "notes": [], "tags": {}}, bytes(4)),
    ],
)  # fmt: skip
def test_a_decoder_that_answers_nonsense_costs_only_its_film(monkeypatch, said, data):
    from cxrlib.app import decoder as module

    with contextlib.closing(module.Decoder()) as decoder:
        monkeypatch.setattr(module, "receive", lambda pipe: (said, data))
        with pytest.raises(Refusal, match="can't be read"):
            decoder.decode(png())
        assert decoder._process is None  # The next film gets a new one.


def test_starlette_has_the_bound_that_keeps_films_off_the_disk():
    assert "spool_max_size" in vars(MultiPartParser)


def test_the_page_fetches_nothing_from_elsewhere_and_has_no_inline_script(client):
    page = client.get("/").text
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", page)
    assert not re.search(r"\son\w+=|\sstyle=|<style", page)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert not re.match(r"https?:|//", address)
        if not address.startswith("#"):
            assert client.get(f"/{address}").status_code == 200
    assert NOT_CLINICAL in page.lower()


def test_openapi_describes_the_forms(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    assert set(paths) == {"/api/health", "/api/predict", "/api/heatmap", "/api/outline",
                          "/api/report"}  # fmt: skip
    form = paths["/api/predict"]["post"]["requestBody"]["content"][
        "multipart/form-data"
    ]
    assert form["schema"]["required"] == ["frontal"]
    assert {"413", "422", "429"} <= set(paths["/api/predict"]["post"]["responses"])
