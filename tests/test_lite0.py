"""EfficientNet-Lite0 from PyTorch's file: the same maps as PyTorch, padded as there."""

import numpy as np
import pytest

from cxrbase.files import InputError
from cxrlib.pretrained.backbone import load_backbone
from cxrlib.pretrained.lite0 import SIZES, STAGES, load_lite0

torch = pytest.importorskip("torch")
F = torch.nn.functional


def blocks():
    """Inputs, outputs, expansion, kernel and stride of each block."""
    names = ("input_filters", "output_filters", "expansion_ratios")
    names += ("kernel_sizes", "strides", "num_repeats")
    for *sizes, repeats in zip(
        *(SIZES[f"stackwise_{name}"] for name in names), strict=True
    ):
        for i in range(repeats):
            given, out, expansion, kernel, stride = sizes
            yield (given if i == 0 else out), out, expansion, kernel, stride ** (i == 0)


def state_dict():
    """Random tensors, named as in the file."""
    torch.manual_seed(0)
    tensors = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}

    def conv(name, *shape):
        scale = (2 / np.prod(shape[1:])) ** 0.5
        tensors[f"{name}.weight"] = scale * torch.randn(*shape)

    def norm(name, width):
        tensors[f"{name}.weight"] = 0.5 + torch.rand(width)
        tensors[f"{name}.bias"] = 0.1 * torch.randn(width)
        tensors[f"{name}.running_mean"] = 0.1 * torch.randn(width)
        tensors[f"{name}.running_var"] = 0.5 + torch.rand(width)
        tensors[f"{name}.num_batches_tracked"] = torch.tensor(1)

    conv("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for i, (given, out, expansion, kernel, _) in enumerate(blocks()):
        name, wide = f"_blocks.{i}.", given * expansion
        if expansion > 1:
            conv(name + "_expand_conv", wide, given, 1, 1)
            norm(name + "_bn0", wide)
        conv(name + "_depthwise_conv", wide, 1, kernel, kernel)
        norm(name + "_bn1", wide)
        conv(name + "_project_conv", out, wide, 1, 1)
        norm(name + "_bn2", out)
    conv("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    return tensors


def peer(tensors, x):
    """PyTorch's maps of images `(B, 3, S, S)`, padded as TensorFlow does."""

    def conv(x, name, stride=1, groups=1):
        weight = tensors[f"{name}.weight"]
        kernel, side = weight.shape[-1], x.shape[-1]
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads = (total // 2, total - total // 2) * 2
        return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)

    def norm(x, name):
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(tensors[f"{name}.{n}"] for n in names), eps=1e-3)

    x = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
    for i, (given, out, expansion, _, stride) in enumerate(blocks()):
        name, y = f"_blocks.{i}.", x
        if expansion > 1:
            y = F.relu6(norm(conv(y, name + "_expand_conv"), name + "_bn0"))
        y = conv(y, name + "_depthwise_conv", stride, y.shape[1])
        y = conv(F.relu6(norm(y, name + "_bn1")), name + "_project_conv")
        y = norm(y, name + "_bn2")
        x = x + y if stride == 1 and given == out else y
    return F.relu6(norm(conv(x, "_conv_head"), "_bn1"))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("lite0") / "lite0.pth"
    torch.save(state_dict(), path)
    return path


def test_the_maps_are_pytorchs(file):
    assert len(list(blocks())) == sum(STAGES)
    images = np.random.default_rng(0).normal(size=(2, 65, 65, 3)).astype("float32")
    backbone, _ = load_lite0(file, (65, 65, 3))
    expected = peer(state_dict(), torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(
        backbone(images), expected.transpose(0, 2, 3, 1), atol=1e-3
    )


def test_pixels_are_scaled_as_in_its_training(file):
    encoder = load_backbone(str(file), 65)
    seen = np.array(encoder.scale) * [0, 127 / 255, 1] + encoder.offset
    np.testing.assert_allclose(seen, [-127 / 128, 0, 1], atol=1e-6)


def test_a_file_that_lacks_a_tensor_is_refused(tmp_path):
    tensors = state_dict()
    del tensors["_blocks.3._bn1.bias"]
    torch.save(tensors, tmp_path / "less.pth")
    with pytest.raises(InputError, match="missing"):
        load_lite0(tmp_path / "less.pth", (65, 65, 3))


def test_a_larger_efficientnet_is_refused(tmp_path):
    tensors = {f"_blocks.{sum(STAGES)}._bn1.bias": torch.zeros(8)}
    torch.save(tensors, tmp_path / "b1.pth")
    with pytest.raises(InputError, match=r"b1.pth: has more blocks than Lite0"):
        load_lite0(tmp_path / "b1.pth", (65, 65, 3))
