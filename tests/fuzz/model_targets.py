"""Files of models, ours and others', spoilt."""

import shutil

import cv2
import numpy as np
import pandas as pd
from data_targets import Target, good_films, spoil_film
from films import two_lungs
from spoil import spoil_hdf5, spoil_json, spoil_safetensors, spoil_text, spoil_zip


class Models(Target):
    """`report` with a model file that is spoilt."""

    name, names = "models", ("model.keras",)

    def prepare(self):
        from conftest import REPORTS, make_tiny_model

        from cxrlib.models.text import ReportPreprocessor, ReportTokenizer

        tokenizer = ReportTokenizer.train(REPORTS, vocabulary_size=320)
        preprocessor = ReportPreprocessor(tokenizer, sequence_length=24)
        model = make_tiny_model(preprocessor, "latent")
        model.origin = {"trained_on": "PHANTOM", "ground": "phantom"}
        model.save(self.good / "model.keras")
        self.model = (self.good / "model.keras").read_bytes()
        image = cv2.imencode(".png", (two_lungs(64)[0] * 255).astype("uint8"))[1]
        (self.good / "film.png").write_bytes(image.tobytes())

    def make(self, case, dice):
        content = self.model
        if dice is not None:
            content = spoil_zip(content, dice)
        (case / "model.keras").write_bytes(content)
        film = self.good / "film.png"
        made = ("--reconstructions", case / "made")
        return "report", "--frontal", film, "--model", case / "model.keras", *made


class Lungs(Target):
    """`segment` with a model file that is spoilt, or films that are."""

    name, inputs, names = "lungs", 2, ("lungs.keras", "case/in")

    def prepare(self):
        import keras

        image = keras.Input((64, 64, 1))
        grey = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(image)
        keras.Model(image, grey).save(self.good / "lungs.keras")
        self.model = (self.good / "lungs.keras").read_bytes()
        self.films = good_films()

    def make(self, case, dice):
        model, names = self.model, list(self.films)
        if dice is not None and dice.random() < 0.5:
            model = spoil_zip(model, dice)
        (case / "lungs.keras").write_bytes(model)
        (case / "in").mkdir()
        for i in range(2):
            name = dice.choice(names) if dice else names[i]
            content = self.films[name]
            if dice is not None:
                content = spoil_film(name, content, dice)
            (case / "in" / f"{i}{name}").write_bytes(content)
        (case / "in" / "whole.png").write_bytes(self.films["flat.png"])
        model = case / "lungs.keras"
        return "segment", case / "in", case / "out", "--overlay", "--lung-model", model

    def check(self, case, status, said):
        if status:
            return ""
        table = pd.read_csv(case / "out/segmentation.csv", dtype=str).fillna("")
        wrong = table.error[table.file == "whole.png"]
        return "" if list(wrong) == [""] else "the whole film was not segmented"


class GPT2(Target):
    """A folder of GPT-2, one of whose files is spoilt."""

    name, names = "gpt2", ("case/",)

    def prepare(self):
        from gpt2_folders import write_folder

        write_folder(self.good / "gpt2")

    def make(self, case, dice):
        from cxrlib.pretrained.gpt2 import read_gpt2, tokenizer_files

        folder = shutil.copytree(self.good / "gpt2", case / "gpt2")
        if dice is not None:
            path = dice.choice(sorted(folder.iterdir()))
            spoil = {".json": spoil_json, ".txt": spoil_text}.get(path.suffix)
            if spoil is None:
                path.write_bytes(spoil_safetensors(path.read_bytes(), dice))
            else:
                path.write_bytes(spoil(path.read_text(), dice))

        def read():
            tokenizer_files(folder)
            read_gpt2(folder)

        return read


class Encoders(Target):
    """A foreign DenseNet whose file is spoilt: Keras 2, safetensors, PyTorch."""

    name, names = "encoders", ("case/",)

    def prepare(self):
        from densenets import SMALL, arrays, write_keras2
        from safetensors.numpy import save

        from cxrlib.models.encoder import CheXNetEncoder

        self.encoder = CheXNetEncoder(64, **SMALL)
        tensors = arrays(self.encoder)
        write_keras2(self.good / "theirs.h5", tensors)
        flat = {name: np.asarray(array) for name, array in tensors.items()}
        (self.good / "theirs.safetensors").write_bytes(save(flat))
        self.encoder.save_weights(self.good / "ours.weights.h5")

    def make(self, case, dice):
        from cxrlib.pretrained.densenet import load_checkpoint

        path = self.good / "theirs.h5"
        if dice is not None:
            path = dice.choice(sorted(self.good.iterdir()))
        content = path.read_bytes()
        if dice is not None:
            theirs = path.suffix == ".safetensors"
            content = (spoil_safetensors if theirs else spoil_hdf5)(content, dice)
        path = case / path.name
        path.write_bytes(content)
        return lambda: load_checkpoint(self.encoder, path)
