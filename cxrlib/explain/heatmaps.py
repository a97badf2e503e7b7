"""Where a model looked, and what the image changed in its report.

A heat map is convincing whatever it shows: compare it with the true outline of the
finding, with `cxrscore.masks.pointing`.
"""

import numpy as np

from cxrbase.files import InputError
from cxrlib.explain.gradients import gradient

VIEWS = ("frontal", "lateral")


def grad_cam(maps, gradients, pooled=True):
    """Grad-CAM: the feature maps, weighted by how strongly each raises a score.

    Args:
        maps: float array `(…, h, w, C)`, an encoder's maps, as those of both views.
        gradients: float array of the same shape, of the score by the maps.
        pooled: bool. Whether a map has one weight per film, the mean of its gradients
            (Grad-CAM), or at each place the gradient there (HiResCAM). Both are the
            same where the score reads the maps' mean.

    Returns:
        Float32 array `(…, h, w)`: the sum of the weighted maps, with what lowers the
        score set to 0.

    Example:
    ```python
    grad_cam(np.random.rand(1, 2, 4, 4, 8), np.ones((1, 2, 4, 4, 8))).shape
    ```

    References:
        - [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)
        - HiResCAM: [Draelos and Carin, 2020](https://arxiv.org/abs/2011.08891)
    """
    maps, weights = (np.asarray(each, "float32") for each in (maps, gradients))
    if pooled:
        weights = weights.mean(axis=(-3, -2), keepdims=True)  # (…, 1, 1, C)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def classifier_cam(imaging_model, images):
    """Where the classifier saw what made it answer "abnormal".

    The logit is differentiated: the probability of a clear case rounds to 1, its
    gradient to 0, and the clearest finding would get no map.

    Args:
        imaging_model: an `ImagingModel`.
        images: dict of `frontal` and `lateral`, float arrays `(B, H, W, 1)` in
            [0, 1]; or what `ImagingModel.predict` gave, whose `maps` are read.

    Returns:
        Float32 array `(B, 2, h, w)`, frontal first, in units of the logit.

    Raises:
        InputError: if a pixel is not in [0, 1].

    Example:
    ```python
    cams = classifier_cam(report_model.imaging, images)
    upsample(cams, 128).shape  # (B, 2, 128, 128)
    ```
    """
    import keras
    from keras import ops

    from cxrlib.models.encoder import pool_views

    maps = _maps(imaging_model, images)
    head = imaging_model.classifier.layers[-1]
    body = keras.Model(imaging_model.classifier.input, head.input)

    def logit(maps):
        features = ops.cast(body(pool_views(maps), training=False), "float32")
        return (ops.matmul(features, head.kernel) + head.bias)[:, 0]

    _, slopes = gradient(logit, maps)
    return grad_cam(maps, slopes)


def word_cam(report_model, images, texts, words, batch_size=16):
    """Where a report's word came from: what fading a place would cost the word.

    To first order, in the word's log-probability, given the words before it. A word is
    its tokens that hold a letter or a digit; their values add up.

    With `"latent"` this is Grad-CAM. With `"spatial"` every place has its own gradient
    (HiResCAM), taken after the reader's normalisation. Normalisation undoes any scaling
    of a place's features, so that before it gradient times maps is zero, whatever the
    model looks at.

    Args:
        report_model: a `ReportModel` that sees the image.
        images: dict, as in `classifier_cam`.
        texts: list of B strings, the reports, or one string for all.
        words: list of B ints, the places of the words in `text.split()`, or one
            int for all.
        batch_size: int. Reports read together.

    Returns:
        Float32 array `(B, 2, h, w)`, frontal first, in units of log-probability.

    Raises:
        InputError: if the text half is blind (conditioning `"none"`), there is
            no such word within the model's length, or a pixel is not in [0, 1].

    Example:
    ```python
    report = "Small left pleural effusion."
    word_cam(report_model, images, report, report.split().index("pleural"))
    ```

    References:
        - [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)
        - HiResCAM: [Draelos and Carin, 2020](https://arxiv.org/abs/2011.08891)
    """
    from keras import ops

    backbone = report_model.causal_lm.backbone
    if backbone.conditioning == "none":
        raise InputError(
            'The text half never sees the image (conditioning "none"), so no word has '
            'a map; take a model of conditioning "latent" or "spatial".'
        )
    maps = _maps(report_model.imaging, images)
    texts = [texts] * len(maps) if isinstance(texts, str) else list(texts)
    words = [words] * len(maps) if np.ndim(words) == 0 else list(words)
    if not len(texts) == len(words) == len(maps):
        raise InputError(
            f"{len(maps)} studies, {len(texts)} texts, {len(words)} words: give one "
            "of each per study, or one for all."
        )
    content = _content(backbone, maps)
    tokens, targets = _teach(report_model.preprocessor, texts)
    chosen = np.zeros(targets.shape, "float32")
    for row, text, word in zip(chosen, texts, words, strict=True):
        row[_tokens_of(report_model.preprocessor, text, word)] = 1
    cams = []
    for start in range(0, len(maps), batch_size):
        rows = slice(start, start + batch_size)

        def log_probability(content, rows=rows):
            every = _log_probabilities(backbone, content, tokens[rows])
            said = ops.take_along_axis(every, targets[rows, :, None], axis=-1)
            return ops.sum(ops.multiply(said[..., 0], chosen[rows]), axis=-1)

        _, slopes = gradient(log_probability, content[rows])
        pooled = backbone.conditioning == "latent"
        cams.append(grad_cam(content[rows], slopes, pooled))
    return np.concatenate(cams)


def upsample(cams, size):
    """Bring heat maps to the size of the images, bilinearly.

    Args:
        cams: float array `(…, h, w)`.
        size: int, the side of a square in pixels.

    Returns:
        Float32 array `(…, size, size)`.

    Example:
    ```python
    upsample(np.random.rand(3, 2, 4, 4), 128).shape  # (3, 2, 128, 128)
    ```
    """
    import cv2

    cams = np.asarray(cams, "float32")
    flat = cams.reshape(-1, *cams.shape[-2:])
    large = [cv2.resize(cam, (size, size)) for cam in flat]  # Bilinear by default.
    return np.reshape(large, (*cams.shape[:-2], size, size))


def next_word_shift(report_model, images, other_images, text, top=3):
    """How the next word changes, all along a report, when the image is exchanged.

    Args:
        report_model: a `ReportModel`.
        images: dict of `frontal` and `lateral` of one study `(1, H, W, 1)`; or
            as in `classifier_cam`.
        other_images: dict, as `images`, of another study.
        text: string. The report that is scored with both.
        top: int. How many of the likeliest tokens to list for each.

    Returns:
        A `pandas.DataFrame` with a row per token of the text and one for its end:
        `said`; `bits`, the Jensen-Shannon divergence of the two distributions
        over the vocabulary (0: the image did not matter, 1: they have
        nothing in common); `before` and `after`, dicts of the likeliest tokens of both
        to their probability under `images` and under `other_images`.

    Raises:
        InputError: if there is more than one study on either side, or a pixel is
            not in [0, 1].

    Example:
    ```python
    next_word_shift(model, images, others, "Small left pleural effusion.")
    ```

    Reference:
        - [Lin, 1991](https://doi.org/10.1109/18.61115)
    """
    import pandas as pd
    from keras import ops
    from scipy.special import rel_entr

    backbone = report_model.causal_lm.backbone
    tokens, targets = _teach(report_model.preprocessor, [text])
    pair = []
    for each in (images, other_images):
        maps = _maps(report_model.imaging, each)
        if len(maps) != 1:
            raise InputError(f"{len(maps)} studies: exchange one image for one other.")
        logs = _log_probabilities(backbone, _content(backbone, maps), tokens)[0]
        shares = np.exp(ops.convert_to_numpy(logs).astype("float64"))  # (T, V)
        pair.append(shares / shares.sum(axis=-1, keepdims=True))
    mean = (pair[0] + pair[1]) / 2
    bits = sum(rel_entr(each, mean).sum(axis=-1) for each in pair) / (2 * np.log(2))
    names = report_model.preprocessor.tokenizer.pieces
    rows = []
    for i, said in enumerate(targets[0]):
        likely = {token for each in pair for token in np.argsort(-each[i])[:top]}
        likely = sorted(likely, key=lambda token: -mean[i, token])
        row = {"said": names([said])[0], "bits": max(0.0, float(bits[i]))}
        for column, each in zip(("before", "after"), pair, strict=True):
            shares = each[i, likely].round(4).tolist()
            row[column] = dict(zip(names(likely), shares, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


# === Helpers ===


def _maps(imaging_model, images):
    """The encoder's maps `(B, 2, h, w, C)`, made or found."""
    if "maps" not in images:
        images = {view: np.asarray(images[view]) for view in VIEWS}
        for view, image in images.items():
            if not (image.min() >= 0 and image.max() <= 1):
                raise InputError(
                    f"{view}: expected pixels in [0, 1], received {image.min():g} to "
                    f"{image.max():g}; divide 8-bit images by 255."
                )
        images = imaging_model.predict(images, batch_size=16, verbose=0)
    return np.asarray(images["maps"], "float32")


def _teach(preprocessor, texts):
    """Tokens to read and tokens to say next, int arrays `(B, T)`, `<end>` included."""
    from keras import ops

    inputs, targets, weights = preprocessor(texts)
    length = int(ops.convert_to_numpy(weights).sum(axis=1).max())
    tokens, targets = (
        ops.convert_to_numpy(each)[:, :length].astype("int32")
        for each in (inputs["token_ids"], targets)
    )
    return tokens, targets


def _tokens_of(preprocessor, text, word):
    """Places of the tokens of one word in the output of `_teach`."""
    said, end, found = text.encode(), 0, []
    tokenizer, known = preprocessor.tokenizer, preprocessor.sequence_length - 1
    for place, token in enumerate(tokenizer([text])[0]):
        # Byte-level: a token has as many characters as bytes, and may cut a letter.
        start, end = end, end + len(tokenizer.id_to_token(int(token)))
        begun = said[:end].decode(errors="replace").split()
        spoken = any(byte > 127 or chr(byte).isalnum() for byte in said[start:end])
        if len(begun) - 1 == word and spoken and place < known:
            found.append(place)
    if not found:
        raise InputError(
            f"{text!r} has no word {word} with a letter or a digit within the "
            f"{known} tokens that the model writes; count `text.split()` from 0."
        )
    return found


def _content(backbone, maps):
    """What a fading place loses: its maps, normalised if each place is."""
    if backbone.conditioning != "spatial":
        return maps
    from keras import ops

    return ops.convert_to_numpy(backbone.reader.norm(maps))


def _read(backbone, content):
    """What the reader makes of the content, already normalised for `"spatial"`."""
    from cxrlib.models.encoder import pool_views

    if backbone.conditioning == "none":
        return None
    if backbone.conditioning == "latent":
        return backbone.reader(pool_views(content))
    return backbone.reader(content, is_normed=True)


def _log_probabilities(backbone, content, tokens):
    """Of every token that could come next, `(B, T, V)`, given the image."""
    from keras import ops

    image = _read(backbone, ops.convert_to_tensor(content))
    hidden_states, _ = backbone.run(ops.convert_to_tensor(tokens), image)
    return ops.log_softmax(ops.cast(backbone.logits(hidden_states), "float32"))
