"""Published reports and splits: read where they lie, refused in one line."""

import json

import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrscore.baselines import shuffled_orders
from cxrscore.clinical.indexing import agreement, read_indexed
from cxrscore.command import read_pairs
from cxrscore.perturb import perturb, sums_of
from cxrscore.texts.published import find_published, read_rexrank, read_split
from cxrscore.texts.scores import TextScorer

STUDIES = {
    "CXR12_IM-0001": {
        "section_findings": "The heart is large.",
        "section_impression": "Cardiomegaly.",
        "model_prediction": "The heart is normal.",
    },
    "s50001": {
        "section_findings": "No edema.",
        "section_impression": "Normal.",
        "model_prediction": "Edema.",
    },
}


def written(folder, content):
    path = folder / "system.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_rexranks_form_is_read_by_section(tmp_path):
    path = written(tmp_path, STUDIES)
    table = read_rexrank(path)
    assert list(table.uid) == ["12", "s50001"]
    assert list(table.reference) == ["The heart is large.", "No edema."]
    assert list(table.prediction) == ["The heart is normal.", "Edema."]
    assert list(read_rexrank(path, "impression").reference) == [
        "Cardiomegaly.",
        "Normal.",
    ]
    assert read_pairs(path).equals(table)


def test_a_split_is_read_by_uid(tmp_path):
    studies = [{"id": "CXR7_IM-1", "report": "Clear."}]
    split = {"train": studies, "val": [], "test": []}
    found = read_split(written(tmp_path, split))
    assert found == {"train": {"7": "Clear."}, "val": {}, "test": {}}


REFUSED = {
    "no JSON": (read_rexrank, "{", "not readable as JSON"),
    "a list": (read_rexrank, [1], "not a table of ReXrank"),
    "no prediction": (read_rexrank, {"a": {"section_findings": ""}}, "model_predic"),
    "no study": (read_rexrank, {}, "holds no study"),
    "a number": (
        read_rexrank,
        {"a": {"section_findings": "x", "model_prediction": 1}},
        "not a text",
    ),
    "no split": (read_split, {"train": []}, "is not R2Gen's annotation.json"),
}


@pytest.mark.parametrize(
    ("read", "content", "words"), REFUSED.values(), ids=REFUSED.keys()
)
def test_other_forms_are_refused(tmp_path, read, content, words):
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: there is no such"):
        read_split(tmp_path / "none.json")


def test_both_files_are_found_or_asked_for(tmp_path):
    assert find_published("none") is find_published(places=[tmp_path]) is None
    with pytest.raises(InputError, match=r"needs MoERad\.json or .*annotation\.json"):
        find_published(tmp_path)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir(), other.mkdir()
    (one / "MoERad.json").write_text(json.dumps(STUDIES))
    studies = [{"id": name, "report": "Clear."} for name in STUDIES]
    split = {"train": studies, "val": [], "test": studies}
    (other / "annotation.json").write_text(json.dumps(split))
    table, found = find_published(places=[tmp_path, one, other])
    assert list(table.uid) == list(found["test"]) == ["12", "s50001"]
    (one / "MoERad.json").unlink()
    table.to_csv(other / "moerad_iu_findings.csv", index=False)
    assert find_published(other)[0].equals(table)
    (other / "annotation.json").write_text(json.dumps(split | {"test": studies[:1]}))
    with pytest.raises(InputError, match="not the test split"):
        find_published(other)


@pytest.mark.real
def test_the_published_system_falls_by_nothing(real_data):
    """Words alone, as its scores were first checked: .131, and .125 permuted."""
    table = pd.read_csv(
        real_data / "iu_predictions/moerad_iu_findings.csv",
        dtype=str,
        keep_default_na=False,
    )
    split = read_split(real_data / "iu_split/annotation.json")
    assert [len(split[name]) for name in split] == [2069, 296, 590]
    test = split["test"]
    assert set(table.uid) == set(test) and len(table) == 590
    assert all(
        test[uid] == text for uid, text in zip(table.uid, table.reference, strict=True)
    )
    assert table.prediction.nunique() == 25
    scorer = TextScorer(list(table.reference), ["coco"])
    found = perturb(
        lambda inputs: inputs["said"],
        {"said": list(table.prediction)},
        {"permuted": ("permuted", "said")},
        sums_of(scorer),
    )["coco.bleu_4"]
    assert found["value"] == pytest.approx(0.1594, abs=5e-5)
    left = found["perturbations"]["permuted"]
    assert left["value"] == pytest.approx(0.1563, abs=5e-4)
    assert left["fall_interval"][0] < 0 < left["fall_interval"][1]


@pytest.mark.real
def test_without_full_stops_as_words_it_is_the_number_first_quoted(real_data):
    """BLEU-4 depends on what is a word: .159 with full stops, .131 without."""
    import re

    from nltk.translate.bleu_score import corpus_bleu

    table = pd.read_csv(
        real_data / "iu_predictions/moerad_iu_findings.csv",
        dtype=str,
        keep_default_na=False,
    )
    said, truth = (
        [re.findall(r"\w+", text.lower()) for text in table[name]]
        for name in ("prediction", "reference")
    )
    assert round(corpus_bleu([[words] for words in truth], said), 3) == 0.131
    moved = [said[i] for i in shuffled_orders(590, 1)[0]]
    bleu = corpus_bleu([[words] for words in truth], moved)
    assert bleu == pytest.approx(0.125, abs=0.003)


@pytest.mark.real
def test_the_labeler_agrees_with_the_indexing_of_the_standard_split(real_data):
    test = read_split(real_data / "iu_split/annotation.json")["test"]
    table = read_indexed(real_data / "indiana/indiana_reports.csv")
    table = table[table.uid.isin(list(test))]
    own = agreement(table)
    assert own.n.iloc[0] == len(table) == 565
    frequent = own[own.support.ge(15)]
    assert len(frequent) >= 5 and frequent.kappa.min() > 0.5
    assert own.kappa[["Cardiomegaly", "Pleural Effusion", "Atelectasis"]].min() > 0.75
