"""The diagnosis that is shipped: its command, on made-up films and a tiny encoder."""

import json

import keras
import keras_hub
import numpy as np
import pytest
from click.testing import CliRunner
from made_collections import CHEXPERT, cells, write

from cxrbase.files import InputError
from cxrbase.images import write_png
from cxrlib.__main__ import main
from cxrlib.commands.train_diagnosis import held_out, patient_folds, read_folders
from cxrlib.pretrained.backbone import RegionMaps, load_backbone
from cxrlib.systems.diagnosis.recipe import FineTuneRecipe
from cxrlib.systems.files import load_model
from cxrscore.labels.vocabulary import NIH_LABELS

LAYERS = ["--until", "block2a_project_bn", "--frozen-until", "block1a_add"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A folder of KerasHub: an EfficientNet of two blocks."""
    folder = tmp_path_factory.mktemp("encoder")
    keras.utils.set_random_seed(0)
    keras_hub.models.EfficientNetBackbone(
        stackwise_num_repeats=[1, 1, 1], stackwise_kernel_sizes=[3, 3, 3],
        stackwise_input_filters=[8, 8, 8], stackwise_output_filters=[8, 8, 8],
        stackwise_expansion_ratios=[1, 2, 2], stackwise_strides=[1, 2, 2],
        stackwise_width_coefficients=[1.0] * 3, stackwise_depth_coefficients=[1.0] * 3,
        stackwise_squeeze_and_excite_ratios=[0] * 3, stackwise_block_types=["v1"] * 3,
        dropout=0,
    ).save_to_preset(str(folder))  # fmt: skip
    scaling = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(scaling))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two parts of NIH's films, of patients some of whom are in both."""
    rng, parts = np.random.default_rng(0), []
    for part in range(2):
        root = tmp_path_factory.mktemp(f"part{part}")
        rows = ["Image Index,Finding Labels,Patient ID,Patient Age,View Position"]
        for i in range(14):
            name, bright = f"{i:08}_{part:03}.png", i % 3 == 0
            label = "Effusion|Edema" if bright else ("Mass", "No Finding")[i % 2]
            rows.append(f"{name},{label},{i},{40 + i},{('PA', 'AP')[i % 2]}")
            film = rng.uniform(0, 0.5, (64, 64)) + 0.4 * bright
            (root / "images").mkdir(exist_ok=True)
            write_png(root / "images" / name, np.round(255 * film).astype("uint8"))
        (root / "Data_Entry_2017.csv").write_text("\n".join(rows) + "\n")
        parts.append(str(root))
    return parts


def chexpert(root, view):
    """One film of CheXpert's."""
    film = root / "train/patient00001/study1" / f"view1_{view.lower()}.png"
    film.parent.mkdir(parents=True)
    write_png(film, np.zeros((64, 64), "uint8"))
    head = "Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(CHEXPERT)
    place = film.relative_to(root).with_suffix(".jpg").as_posix()
    row = f"{place},Male,50,{view},{'AP' * (view == 'Frontal')}," + cells({})
    write(root / "train.csv", [head, row])


def command(folders, encoder, out, *more):
    arguments = ["train-diagnosis", *folders, "--out", str(out), *LAYERS]
    arguments += ["--encoder", str(encoder), "--seen-size", "65", "--copies", "2"]
    arguments += ["--epochs", "1", "--folds", "2", *more]
    return CliRunner().invoke(main, arguments)


def test_the_command_writes_a_model_and_its_card(folders, encoder, tmp_path):
    out = tmp_path / "model.keras"
    done = command(folders, encoder, out)
    assert done.exit_code == 0, done.output[-2000:]
    model = load_model(out)
    assert model.labels == NIH_LABELS and model.origin["ground"] == "real"
    assert model.origin["trained_on"].startswith("28 films, real")
    assert len(model.origin["threshold_from"]) == 14
    assert not np.allclose(model.head.get_weights()[0], 0)
    films = np.random.default_rng(0).random((2, 256, 256, 1), "float32")
    first, again = (np.array(model(films)["logits"]) for _ in range(2))
    np.testing.assert_array_equal(first, again)  # Nothing is dropped.
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["trained_on"] == {"films": 28, "patients": 14}
    assert list(card["reaches"]) == [*NIH_LABELS, "macro"]
    edema = card["reaches"]["Edema"]
    assert edema["positives"] == 10
    assert {"auroc", "auprc", "ece", "auroc_low", "auroc_high"} <= edema.keys()
    assert "16 × 16 pixels: auroc" in edema
    assert card["reaches"]["Hernia"]["auroc"] is None  # Of nobody.
    assert len(card["mean_over_folds_within_a_folder"]) == 2
    done = command(folders, encoder, tmp_path / "again.keras")
    assert done.exit_code == 0
    second = load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(second(films)["logits"], first, atol=1e-4)


def test_no_patient_is_in_two_folds(folders):
    table = read_folders(folders)
    fold = patient_folds(table, FineTuneRecipe(folds=3, seed=1))
    assert table.assign(fold=fold).groupby("patient").fold.nunique().max() == 1
    assert set(fold) == {0, 1, 2}
    other = patient_folds(table, FineTuneRecipe(folds=3, seed=2))
    assert not np.array_equal(fold, other)


def test_what_cannot_be_split_is_refused(folders, encoder, tmp_path):
    out = tmp_path / "model.keras"
    twice = command([folders[0], folders[0]], encoder, out)
    assert twice.exit_code and "hold 00000000_000 twice" in twice.output
    few = command(folders, encoder, out, "--folds", "20")
    assert few.exit_code and "14 patients for 20 folds" in few.output
    name = command(folders, encoder, tmp_path / "model.h5")
    assert name.exit_code and "ends in .keras" in name.output
    assert not list(tmp_path.iterdir())


def test_two_collections_and_laterals_are_refused(folders, tmp_path):
    chexpert(tmp_path / "a", "Frontal")
    with pytest.raises(InputError, match="are chexpert and nih. Give parts of one"):
        read_folders([folders[0], tmp_path / "a"])
    chexpert(tmp_path / "b", "Lateral")
    with pytest.raises(InputError, match="no film is a frontal"):
        read_folders([tmp_path / "b"])


def test_an_unknown_label_is_not_called(folders):
    table = read_folders(folders)
    known = np.ones((len(table), 1))
    known[::2] = 0
    known[-8:] = np.nan
    fold, films = np.arange(len(table)) % 4 // 2, np.zeros((len(table), 16, 16, 1))
    raw = np.where(np.isnan(known), 0.99, 0.5 + known / 4)
    _, called = held_out(table, known, raw, films.astype("uint8"), fold, ["Edema"])
    np.testing.assert_array_equal(called, np.nan_to_num(known))


def test_maps_are_averaged_on_the_lungs_and_off(encoder):
    maps = np.arange(8, dtype="float32").reshape(1, 2, 2, 2)
    mask = np.array([1, 0, 0, 0], "float32").reshape(1, 2, 2, 1)
    seen = np.mean(RegionMaps()([maps, mask]), axis=(1, 2))
    expected = [[0, 1, 4, 5]]  # Of the first cell; of the other three.
    np.testing.assert_allclose(seen, expected, atol=0.02)


def test_a_film_is_enlarged_and_the_encoder_cut(encoder):
    whole = load_backbone(str(encoder), 65, "block2a_project_bn", film_size=32)
    film = np.random.default_rng(0).random((2, 32, 32, 1), "float32")
    seen = whole(film)
    np.testing.assert_allclose(
        seen["latent"], np.mean(seen["maps"], axis=(1, 2)), atol=1e-5
    )
    first, rest = whole.cut("block1a_add")
    np.testing.assert_allclose(rest(first(film)), seen["latent"], atol=1e-5)
