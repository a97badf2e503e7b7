"""DenseNets from PyTorch: the same features here, or a refusal; no code runs."""

import pathlib
import pickle

import numpy as np
import pytest
from densenets import (
    DEVIATION,
    FULL,
    MEAN,
    SMALL,
    build_torch,
    films,
    old_names,
    torch_pixels,
    zip_of,
)

from cxrbase.files import InputError
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.densenet import load_checkpoint, load_chexnet
from cxrlib.pretrained.torch_densenet import fold_grey, rename


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip(
        "torch", reason="PyTorch is not installed: its checkpoints were NOT tested"
    )
    module.manual_seed(0)
    return module


@pytest.fixture(scope="module")
def make_torch(torch):
    """Makes a state dict with lived-in statistics, and the outputs it gives."""

    def make(sizes, grey=False, labels=14):
        net, forward = build_torch(torch, 1 if grey else 3, labels, **sizes)
        norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        with torch.no_grad():
            for norm in norms:
                norm.momentum = 1.0
                torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
                torch.nn.init.normal_(norm.bias, 0, 0.2)
            forward(torch_pixels(torch, films(count=4), grey))  # Sets the statistics…
            for norm in norms:  # … which are then moved off this batch.
                norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2)
                norm.running_mean += 0.1 * norm.running_var.sqrt()
            net.eval()
            outputs = forward(torch_pixels(torch, films(), grey))
        return net.state_dict(), {
            name: value.permute(0, 2, 3, 1).numpy() if value.ndim == 4 else value
            for name, value in outputs.items()
        }

    return make


def errors(encoder, expected):
    """Largest difference of each output; their values reach about 7."""
    found = encoder.predict(films(), verbose=0)
    return {k: np.abs(found[k] - np.array(expected[k])).max() for k in found}


@pytest.mark.parametrize("naming", ["new", "old", "model", "checkpoint", "legacy"])
def test_a_torch_state_dict_gives_the_same_features(
    torch, make_torch, tmp_path, naming
):
    state, expected = make_torch(SMALL)
    if naming == "old":
        state = {"epoch": 3, "state_dict": old_names(state), "best_loss": 0.1}
    elif naming == "model":
        state = {f"model.{name}": tensor for name, tensor in state.items()}
    elif naming == "checkpoint":
        state = {"model_state_dict": state, "optimizer": {"lr": 0.1}}
    path = tmp_path / "state.pt"
    torch.save(state, path, _use_new_zipfile_serialization=naming != "legacy")
    encoder = CheXNetEncoder(64, **SMALL)
    assert load_checkpoint(encoder, path).kind == "torch"
    assert max(errors(encoder, expected).values()) <= 1e-4
    model = load_chexnet(path, 64, **SMALL)
    found = model.predict(films(), verbose=0)
    np.testing.assert_allclose(found, expected["predictions"], atol=1e-4)


@pytest.mark.parametrize("grey", [False, True], ids=["chexnet", "torchxrayvision"])
def test_the_whole_densenet121_gives_the_same_features(
    torch, make_torch, tmp_path, grey
):
    state, expected = make_torch(FULL, grey, labels=18 if grey else 14)
    if grey:
        state["op_threshs"] = torch.full((18,), float("nan"))
    torch.save(state if grey else old_names(state), tmp_path / "full.pt")
    encoder = CheXNetEncoder(64)
    checkpoint = load_checkpoint(encoder, tmp_path / "full.pt")
    assert checkpoint.kind == ("torchxrayvision" if grey else "torch")
    assert checkpoint.head[0].shape == (1024, 18 if grey else 14)
    assert max(errors(encoder, expected).values()) <= 1e-4
    if grey:
        with pytest.raises(InputError, match="18 labels are not the 14"):
            load_chexnet(tmp_path / "full.pt", 64)


def test_the_grey_kernel_is_exact_at_the_border_too():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(7, 7, 1, 5)).astype("float32")
    images = films(32).astype("float64")

    def convolve(pixels, kernel):
        pixels = np.pad(pixels, ((0, 0), (3, 3), (3, 3), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (7, 7), (1, 2))
        return np.einsum("nhwcij,ijco->nhwo", windows, kernel)

    grey = convolve(2048 * images - 1024, kernel)
    folded = convolve((images - MEAN) / DEVIATION, fold_grey(kernel))
    np.testing.assert_allclose(folded, grey, atol=1e-6 * np.abs(grey).max())


def test_safetensors_give_the_same_features(torch, make_torch, tmp_path, refused):
    writer = pytest.importorskip(
        "safetensors.numpy", reason="safetensors is not installed: NOT tested"
    )
    state, expected = make_torch(SMALL)
    named = {name: np.ascontiguousarray(t.numpy()) for name, t in state.items()}
    path = tmp_path / "state.safetensors"
    writer.save_file(named, path)
    encoder = CheXNetEncoder(64, **SMALL)
    assert load_checkpoint(encoder, path).kind == "torch"
    assert max(errors(encoder, expected).values()) <= 1e-4
    path.write_bytes(path.read_bytes()[:5000])
    refused(path, "safetensors file")


def test_torch_names_become_keras_names():
    for name, key in {
        "features.conv0.weight": "conv1_conv/kernel",
        "module.densenet121.features.norm0.running_var": "conv1_bn/moving_variance",
        "features.denseblock1.denselayer2.norm1.weight": "conv2_block2_0_bn/gamma",
        "features.denseblock4.denselayer16.norm.2.bias": "conv5_block16_1_bn/beta",
        "features.denseblock4.denselayer16.conv2.weight": "conv5_block16_2_conv/kernel",
        "features.transition3.norm.running_mean": "pool4_bn/moving_mean",
        "features.norm5.bias": "bn/beta",
        "model.classifier.0.weight": "predictions/kernel",
        "layer1.0.conv1.weight": "layer1.0.conv1.weight",
    }.items():
        assert rename(name) == key


def test_torch_files_that_do_not_fit_are_refused(torch, make_torch, tmp_path, refused):
    state, _ = make_torch(SMALL)
    path = tmp_path / "odd.pt"
    odd = {**state, "layer1.0.conv1.weight": torch.zeros(2, 2)}
    del odd["features.norm5.bias"]
    torch.save(odd, path)
    refused(path, "1 missing (bn/beta)", "1 left over (layer1.0.conv1.weight)")
    torch.save({**state, **old_names(state)}, path)
    refused(path, "two tensors that are conv1_conv/kernel")
    torch.save([1, 2], path)
    refused(path, "no state dict")
    for legacy in (False, True):
        torch.save(state, path, _use_new_zipfile_serialization=not legacy)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        refused(path)


# === Code in a file does not run ===


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_a_pickle_is_not_executed(tmp_path, refused, kind):
    """With PyTorch it is refused by name; without, for want of PyTorch."""
    sprung = tmp_path / "sprung"
    trap = pickle.dumps({"state_dict": Trap(sprung)}, protocol=2)
    pickle.loads(trap)
    assert sprung.exists(), "the trap would not go off"
    sprung.unlink()
    path = tmp_path / "evil.pt"
    path.write_bytes(zip_of(trap) if kind == "zip" else trap)
    refused(path)
    with pytest.raises(InputError):
        load_chexnet(path)
    assert not sprung.exists()


def test_a_whole_pickled_model_is_refused_with_the_way_out(torch, tmp_path, refused):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    refused(tmp_path / "model.pt", "torch.nn.modules.linear.Linear", "state_dict()")


def test_an_old_torch_is_not_trusted(torch, tmp_path, refused, monkeypatch):
    torch.save({"bn.weight": torch.zeros(2)}, tmp_path / "a.pt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    refused(tmp_path / "a.pt", "CVE-2025-32434")
