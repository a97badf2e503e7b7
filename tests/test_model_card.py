import html.parser
import json
import os
import re
import urllib.parse
import zipfile

import mistune
import pytest
from card_runs import predicted, score, write_run
from click.testing import CliRunner

from coursework.card.card import (
    CONDITIONING,
    as_markdown,
    model_parts,
    write_model_card,
)
from coursework.card.picture import LARGEST, find_picture
from coursework.card.scores import shared_protocol, tables
from coursework.record import read_results
from cxrbase.files import InputError
from cxrbase.grounds import GROUNDS, NAMED_GROUNDS
from cxrlib.__main__ import main

NASTY = "a|b *c* <script>alert(1)</script> `d` [e](http://f) &lt; $g$ _h_ \\| # i_j"


def read(folder):
    return [path.read_text(encoding="utf-8") for path in write_model_card(folder)]


class Words(html.parser.HTMLParser):
    """The tags of a page, and its words cell by cell."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.links = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("href", "src")]

    def handle_data(self, data):
        self.words.append(data)


# === Scores ===


def test_scores_stand_with_intervals_baselines_and_protocol(tmp_path):
    metrics = {
        "frontal.ssim": score(0.5, protocol={"image": 64}),
        "frontal.mse": score(0.1, protocol={"image": 64}),
        "frontal.psnr": score(9.0),
        "coco.bleu_4": score(
            *(0.25, 40, None, [0.2, 0.31]),
            {"section": "findings", "tokeniser": "PTB"},
            **{"constant": 0.06, "nearest": 0.2, "shuffled": 0.1, "fall": 0.15},
            fall_interval=[-0.01, 0.2],
        ),
        "coco.cider": score(0.9, protocol={"section": "findings", "tokeniser": "PTB"}),
        "clinical.macro_f1_14": score(None, note="no finding at all"),
        "own.thing": score(12, n=7),
        "training.best_val_loss": score(0.7, protocol={"split": "val"}),
    }
    markdown, page = read(write_run(tmp_path / "demo" / "07", metrics))
    head, _, appendix = markdown.partition("## Appendix: all scores")
    assert (
        "| score | value | 95 % interval | constant | nearest | permuted | fall, 95 % |"
    ) in appendix
    row = "| coco.bleu_4 ¹ | 0.2500 | 0.200 to 0.310 | 0.0600 | 0.2000 | 0.1000 | "
    assert row + "−0.010 to 0.200 |" in markdown.replace("\xa0", " ")
    assert "\n1. section: findings; tokeniser: PTB" in appendix
    assert "| coco.cider ¹ |" in appendix and "2. section" not in appendix
    assert "| frontal.mse ¹ |" in appendix and "\n1. image: 64" in appendix
    assert "| frontal.psnr | 9.0000 |" in appendix
    assert "\n1. no finding at all" in appendix
    assert "| clinical.macro_f1_14 ¹ | undefined |" in appendix
    assert "\n1. n: 7" in appendix  # The others share their n.
    first = "| coco.bleu_4 | 0.2500 | 0.200 to 0.310 | 0.2000 (nearest) | 0.1000 | 40 |"
    assert first in head.replace("\xa0", " ")
    assert "split test" in markdown and "training.best_val_loss" not in markdown
    assert "(1 more scores)" in markdown
    order = ["## Scores", "## Limits", "## Licences", "## Appendix", "Reconstruction"]
    order += ["### Text", "Clinical content", "Further scores", "Written by"]
    assert sorted(order, key=markdown.index) == order
    assert "<table>" in page and 'style="text-align:right">0.2500</td>' in page


def test_results_without_intervals_have_no_empty_columns():
    metrics = {"nltk.bleu_1": score(0.3, constant=0.1, shuffled=0.3, fall=0.0)}
    (table,) = tables(metrics, shared_protocol(metrics))
    assert table["columns"] == ["score", "value", "constant", "permuted", "fall"]
    assert table["rows"] == [("nltk.bleu_1", "0.3000", "0.1000", "0.3000", "0.0000")]
    assert table["notes"] == []  # Its protocol is that of all scores.


def test_a_protocol_is_shared_only_by_a_majority():
    metrics = {str(i): score(0.5, n=40 if i < 3 else 9) for i in range(5)}
    assert shared_protocol(metrics) == {"n": "40", "split": "test"}
    metrics["5"] = score(0.5, n=9)
    assert shared_protocol(metrics) == {"split": "test"}


# === What it is ===


def test_the_card_names_ground_data_model_and_run(tmp_path):
    changes = {
        "model": {"trained_on": "80 studies", "ground": "phantom", "size": 64},
        "weights": {"encoder": "phantom_encoder.weights.h5", "gpt2": "mine.h5"},
        "pretrained": {"encoder": {"what": "an encoder", "licence": "MIT"}},
        "parameters": {"epochs": 3, "columns": "", "model": "/home/me/runs/a/m.keras"},
        "environment": {"device": "CPU: 2 cores", "versions": {"keras": "3.13.2"}},
        "warnings": ["One report for all."],
    }
    markdown, page = read(write_run(tmp_path / "demo" / "07", {}, **changes))
    assert markdown.startswith(
        f"# Model card: demo/07\n\n> **{GROUNDS['phantom']}. Not"
    )
    assert "> **Warning.** One report for all." in markdown
    assert page.count("<blockquote>") == 2
    for row in (
        "| trained on | 80 studies |",
        "| reads | 64 × 64 pixels, fit not known, crop not known |",
        "| sizes of its parts | not known |",
        "| encoder started from | phantom_encoder.weights.h5: an encoder |",
        "| gpt2 started from | mine.h5 |",
        "| studies | train 80, test 40 |",
        "| split by | uid |",
        "| parameters | epochs 3, columns '', model …/a/m.keras |",
        "| device | CPU: 2 cores |",
        "| versions | keras 3.13.2 |",
        "| precision | not known |",
    ):
        assert row in markdown
    assert "- encoder, phantom_encoder.weights.h5: MIT." in markdown
    assert "- gpt2, mine.h5: licence not recorded." in markdown
    assert "/home/me" not in markdown + page
    assert "The results hold none." in markdown and "The results hold no score:" in page


def test_each_ground_has_its_licence_and_only_real_has_no_alarm(tmp_path):
    for ground in NAMED_GROUNDS:
        data = {"ground": ground, "counts": {"test": 4}}
        markdown, _ = read(write_run(tmp_path / ground, {}, dataset=data))
        assert (GROUNDS[ground] + ". Not for clinical" in markdown) == (
            ground != "real"
        )
        assert ("CC BY-NC-ND" in markdown) == (ground != "phantom")
        assert "How the studies were split is not known." in markdown
    # Real scores of a model that only phantoms have taught are still alarming.
    changes = {"dataset": data, "model": {"ground": "phantom"}}
    markdown, _ = read(write_run(tmp_path / "moved", {}, **changes))
    assert f"> **Trained on {GROUNDS['phantom']}. Not for clinical use.**" in markdown
    assert "measured on real studies" in markdown


def test_sizes_come_from_the_model_file(tmp_path, tiny_model):
    folder = write_run(tmp_path / "07", {}, model={"section": "impression"})
    tiny_model.save(folder / "model.keras")
    parts = model_parts(folder / "model.keras")
    encoder, backbone = tiny_model.imaging.encoder, tiny_model.causal_lm.backbone
    assert parts["encoder"]["image_size"] == encoder.image_size
    assert parts["encoder"]["blocks"] == list(encoder.blocks)
    assert parts[backbone.name]["num_layers"] == backbone.num_layers
    assert not any("name" in sizes or "dtype" in sizes for sizes in parts.values())
    markdown, _ = read(folder)
    assert "| frontal_decoder, lateral_decoder | " in markdown  # Alike, so said once.
    assert f"vocabulary_size {backbone.vocabulary_size}" in markdown
    kind = backbone.conditioning
    assert f"| sees the image by | {kind}: {CONDITIONING[kind]} |" in markdown


def test_a_card_of_results_from_before_licences_were_recorded(tmp_path):
    weights = {"encoder": "phantom_encoder.weights.h5", "gpt2": "none"}
    folder = write_run(tmp_path / "07", {}, weights=weights)
    path = folder / "results.json"
    record = json.loads(path.read_text())
    del record["pretrained"]
    path.write_text(json.dumps(record))
    markdown, _ = read(folder)
    assert "| encoder started from | phantom_encoder.weights.h5 |" in markdown
    assert "- encoder, phantom_encoder.weights.h5: licence not recorded." in markdown
    assert "- gpt2" not in markdown


@pytest.mark.parametrize("module", ["cxrlib.models.encoder", "somewhere.else"])
def test_a_layer_is_known_by_its_registered_name(tmp_path, module):
    """A file saved when the class lay in another module still tells its sizes."""
    layer = {"module": module, "class_name": "CheXNetEncoder"}
    layer |= {"registered_name": "cxrlib>CheXNetEncoder"}
    layer["config"] = {"name": "encoder", "image_size": 64, "blocks": [2, 2]}
    foreign = {"module": "keras.layers", "registered_name": None}
    foreign["config"] = {"name": "dense", "units": 3, "layers": [layer]}
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(foreign))
    parts = model_parts(tmp_path / "model.keras")
    assert parts == {"encoder": {"image_size": 64, "blocks": [2, 2]}}


def test_a_model_file_that_is_none_is_not_known(tmp_path):
    path = tmp_path / "model.keras"
    assert model_parts(path) == {}
    path.write_text("no archive")
    assert model_parts(path) == {}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "[" * 100_000)
    assert model_parts(path) == {}


# === Strings that nobody has checked ===


def hostile_run(folder, text):
    """A run in which whatever may hold words holds these."""
    table = predicted(["One.", "Two.", "Three."], [text, text, "Four."])
    changes = {
        "warnings": [text],
        "baselines": {"constant_report": {"text": text}},
        "model": {"trained_on": text, "section": text},
        "weights": {text: text},
        "pretrained": {text: {"what": text, "licence": text}},
        "parameters": {text: text},
    }
    name = f"nltk.{text}"
    metrics = {name: score(0.5, note=text, constant=0.9, protocol={"score": text})}
    metrics["frontal.ssim"] = metrics["frontal.mse"] = score(0.5)
    return write_run(folder / "07", metrics, table, **changes)


def test_a_pipe_in_place_of_results_is_refused(tmp_path):
    os.mkfifo(tmp_path / "results.json")
    with pytest.raises(InputError, match="is a pipe or a device"):
        read_results(tmp_path / "results.json")


def test_what_others_wrote_is_never_markup(tmp_path):
    markdown, page = read(hostile_run(tmp_path / "hostile", NASTY))
    words = Words(page)
    assert words.tags == Words(read(hostile_run(tmp_path / "tame", "tame"))[1]).tags
    assert words.links == ["https://doi.org/10.1145/3287560.3287596"]
    # It reads on the page as it was written: in warning, cells, lists and quotes.
    text = "".join(words.words)
    for known in (
        *(f"Warning. {NASTY}", f"{NASTY} started from", f"{NASTY}: {NASTY}"),
        f"{NASTY} {NASTY}",
        f"nltk.{NASTY} ¹",
        f"score: {NASTY}; {NASTY}",
        *(f"the best single report, “{NASTY}”", f"It writes “{NASTY}” 2 times"),
        *(f"nltk.{NASTY} 0.5000 (constant 0.9000)", f"{NASTY}, {NASTY}: {NASTY}."),
    ):
        assert known in text
    # And no row has a cell more or less than its header.
    for block in re.findall(r"(?:^\|.*\n)+", markdown, flags=re.M):
        bars = [re.findall(r"(?<!\\)(?:\\\\)*\|", row) for row in block.splitlines()]
        assert len(set(map(len, bars))) == 1


@pytest.mark.parametrize("text", [NASTY, "__a__ a_b _c_", "a ~~b~~", "&amp;", "x\\"])
def test_as_markdown_reads_back_as_it_was(text):
    page = mistune.create_markdown(escape=True, plugins=["table"])(as_markdown(text))
    words = Words(page)
    assert "".join(words.words).strip() == text and words.tags == ["p"]


def test_as_markdown_keeps_to_one_line():
    assert as_markdown("1.\n# a\r\n\n- b\xa0c") == "1. \\# a - b\xa0c"


# === Files ===


def test_predictions_of_another_run_are_not_believed(tmp_path):
    table = predicted(["Clear.", "Edema."], ["Normal.", "Normal."])
    folder = write_run(tmp_path / "07", {}, table)
    markdown, _ = read(folder)
    assert "the same report" in markdown and "| evaluated | 2 studies |" in markdown
    (folder / "predictions.csv").write_text("uid,reference,prediction\n1,a,b\n")
    markdown, _ = read(folder)
    assert "> **Warning.** predictions.csv is not the file that belongs" in markdown
    assert "the same report for all" not in markdown and "evaluated |" not in markdown
    (folder / "predictions.csv").unlink()
    assert "> **Warning.** predictions.csv is missing" in read(folder)[0]


def test_one_picture_is_linked_and_embedded(tmp_path):
    folder, out = write_run(tmp_path / "07", {}), tmp_path / "cards"
    assert find_picture(folder) is None and "<img" not in read(folder)[1]
    for name in ("figures/b [1].png", "examples/9-frontal.png", "figures/reports.png"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
        assert find_picture(folder) == path
        markdown, page = read(folder)
        assert f"]({urllib.parse.quote(name)})" in markdown
        assert '<img src="data:image/png;base64,iVBORw0KGgo=" alt="Figure' in page
    write_model_card(folder, out)
    assert "](../07/figures/reports.png)" in (out / "model_card.md").read_text()
    path.write_bytes(bytes(LARGEST))
    assert find_picture(folder) == folder / "examples" / "9-frontal.png"


def test_warnings_are_named_and_come_first(tmp_path):
    changes = {
        "warnings": ["n=3: so few studies."],
        "cautions": [["few studies", "they show little", "n = 3"]],
    }
    markdown, _ = read(write_run(tmp_path / "07", {}, **changes))
    said = "> **Warning: few studies.** n=3: so few studies."
    assert said in markdown and markdown.index(said) < markdown.index("## Model")


def test_the_page_needs_no_network(tmp_path):
    _, page = read(write_run(tmp_path / "07", {}))
    assert Words(page).links == ["https://doi.org/10.1145/3287560.3287596"]
    assert "url(" not in page and "@import" not in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        ("{", "not readable as JSON"),
        ('{"schema": 99}', "another form"),
    ],
)
def test_missing_or_foreign_results_are_told(tmp_path, content, words):
    if content:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(InputError, match=f"results.json: .*{words}"):
        write_model_card(tmp_path)
    assert not list(tmp_path.glob("model_card*"))


@pytest.mark.parametrize(
    "changes", [{"model": "gpt"}, {"warnings": "beware"}, {"pretrained": None}]
)
def test_results_of_another_form_are_told(tmp_path, changes):
    folder = write_run(tmp_path / "07", {}, **changes)
    with pytest.raises(InputError, match=f"{list(changes)[0]} (is not a|does not map)"):
        write_model_card(folder)


def test_the_command_writes_where_it_is_reported(tmp_path):
    folder, out = write_run(tmp_path / "07", {}), tmp_path / "cards"
    result = CliRunner().invoke(main, ["card", str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "model_card.html",
        "model_card.md",
    ]
    assert str(out / "model_card.html") in result.output
    result = CliRunner().invoke(main, ["card", str(tmp_path)])
    assert result.exit_code == 1 and "no such file" in result.output
