"""Small DenseNets for the tests, and files of them as other libraries write them."""

import io
import zipfile

import h5py
import numpy as np
import pytest

from cxrbase.files import InputError
from cxrlib.models.encoder import ImageNetNormalization
from cxrlib.pretrained.densenet import load_checkpoint
from cxrlib.pretrained.tensors import named_weights

SMALL = {"blocks": (2, 3, 2, 1), "growth_rate": 8, "stem_filters": 16}
FULL = {"blocks": (6, 12, 24, 16), "growth_rate": 32, "stem_filters": 64}
MEAN, DEVIATION = ImageNetNormalization.mean, ImageNetNormalization.deviation


def films(size=64, count=2):
    """Images `(N, H, W, 1)` in [0, 1] with bright borders, where padding shows."""
    images = np.random.default_rng(3).random((count, size, size, 1), "float32")
    images[:, :4] = images[:, :, -4:] = 1
    return images


def refuse(encoder, path, *words):
    """Assert that a file is refused in one line with these words, and changes nothing.

    Returns the error.
    """
    before = encoder.get_weights()
    with pytest.raises(InputError) as caught:
        load_checkpoint(encoder, path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and len(message) < 700
    for word in words:
        assert word in message
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return caught.value


# === Keras 2 ===


def keras2_name(layer):
    """What Keras 2 called a layer: the stem's two had a slash."""
    return {"conv1_conv": "conv1/conv", "conv1_bn": "conv1/bn"}.get(layer, layer)


def write_keras2(path, tensors, whole_model=False, change=None):
    """Write tensors `{"layer/variable": array}` as Keras 2's `save_weights` did."""
    groups = {"input_1": {}}  # Layers without weights are listed too.
    for name, array in tensors.items():
        layer, variable = name.split("/")
        groups.setdefault(keras2_name(layer), {})[variable] = array
    if change:
        change(groups)
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        if whole_model:
            file.attrs["model_config"] = b'{"class_name": "Lambda"}'
            file.create_group("optimizer_weights")["iterations"] = np.zeros(1)
        root.attrs["layer_names"] = np.array([name.encode() for name in groups])
        root.attrs["backend"] = b"tensorflow"
        root.attrs["keras_version"] = b"2.1.6"
        for layer, weights in groups.items():
            group = root.create_group(layer)
            names = [f"{layer}/{variable}:0".encode() for variable in weights]
            group.attrs["weight_names"] = np.array(names) if names else np.zeros(0)
            for name, array in zip(names, weights.values(), strict=True):
                group.create_dataset(name.decode(), data=array)
    return path


def arrays(model):
    return {name: np.array(weight) for name, weight in named_weights(model).items()}


def with_head(encoder, labels=14):
    """An encoder's tensors and a head's."""
    rng = np.random.default_rng(1)
    head = {
        "predictions/kernel": rng.normal(0, 0.1, (encoder.latent_dim, labels)),
        "predictions/bias": rng.normal(0, 0.1, labels),
    }
    return {**arrays(encoder), **head}


# === PyTorch ===


def build_torch(torch, channels=3, labels=14, blocks=(), growth_rate=0, stem_filters=0):
    """A DenseNet with torchvision's module names, and its forward pass."""
    nn, F = torch.nn, torch.nn.functional
    net = nn.Module()
    net.features = f = nn.Module()
    f.conv0 = nn.Conv2d(channels, stem_filters, 7, 2, 3, bias=False)
    f.norm0 = nn.BatchNorm2d(stem_filters)
    width = stem_filters
    for b, count in enumerate(blocks, start=1):
        block = nn.Module()
        setattr(f, f"denseblock{b}", block)
        for i in range(1, count + 1):
            layer = nn.Module()
            setattr(block, f"denselayer{i}", layer)
            layer.norm1 = nn.BatchNorm2d(width)
            layer.conv1 = nn.Conv2d(width, 4 * growth_rate, 1, bias=False)
            layer.norm2 = nn.BatchNorm2d(4 * growth_rate)
            layer.conv2 = nn.Conv2d(
                4 * growth_rate, growth_rate, 3, padding=1, bias=False
            )
            width += growth_rate
        if b < len(blocks):
            transition = nn.Module()
            setattr(f, f"transition{b}", transition)
            transition.norm = nn.BatchNorm2d(width)
            transition.conv = nn.Conv2d(width, width // 2, 1, bias=False)
            width //= 2
    f.norm5 = nn.BatchNorm2d(width)
    net.classifier = nn.Linear(width, labels)

    def forward(x):
        x = F.relu(f.norm0(f.conv0(x)))
        outputs = {"skip_1": x}
        x = F.max_pool2d(x, 3, 2, 1)
        for b in range(1, len(blocks) + 1):
            for layer in getattr(f, f"denseblock{b}").children():
                y = layer.conv1(F.relu(layer.norm1(x)))
                y = layer.conv2(F.relu(layer.norm2(y)))
                x = torch.cat([x, y], 1)
            outputs[f"skip_{b + 1}"] = x
            if b < len(blocks):
                transition = getattr(f, f"transition{b}")
                x = F.avg_pool2d(transition.conv(F.relu(transition.norm(x))), 2)
        outputs["maps"] = F.relu(f.norm5(x))
        outputs["latent"] = outputs["maps"].mean((2, 3))
        outputs["predictions"] = torch.sigmoid(net.classifier(outputs["latent"]))
        return outputs

    return net, forward


def torch_pixels(torch, images, grey):
    """What each library feeds its network: one channel ±1024, or ImageNet's three."""
    images = images.astype("float64")
    pixels = 2048 * images - 1024 if grey else (images - MEAN) / DEVIATION
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype("float32"))


def old_names(state):
    """The naming before torchvision 0.2, as arnoweng's CheXNet has it."""
    renamed = {}
    for name, tensor in state.items():
        if "denselayer" in name:
            for part in ("norm1", "norm2", "conv1", "conv2"):
                name = name.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.")
        name = name.replace("classifier.", "classifier.0.")
        renamed[f"module.densenet121.{name}"] = tensor
    return renamed


def zip_of(content, name="archive/data.pkl"):
    """A zip archive laid out as `torch.save` does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return buffer.getvalue()
