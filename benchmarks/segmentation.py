"""Images per second of `LungUNet` beside a plain U-Net, decoding excluded.

The peer is the U-Net of the paper at the widths that public lung notebooks use:
no strided stem, two convolutions per level at full resolution. Both see the
same batches in memory; for ours, resizing, clean-up and flags are timed too.

    python benchmarks/segmentation.py [--batch 16] [--images 96]
"""

import click
import keras
import numpy as np
from keras import layers
from timing import median_seconds

from cxrlib.systems.lungs.segment import segment_lungs
from cxrlib.systems.lungs.unet import LungUNet


def plain_unet(size=256, widths=(32, 64, 128, 256, 512)):
    """Build the peer."""

    def twice(x, width):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        return x

    image = keras.Input((size, size, 1))
    x, skips = image, []
    for width in widths[:-1]:
        skips.append(twice(x, width))
        x = layers.MaxPooling2D()(skips[-1])
    x = twice(x, widths[-1])
    for width, skip in zip(widths[-2::-1], skips[::-1], strict=True):
        x = layers.Conv2DTranspose(width, 2, strides=2, padding="same")(x)
        x = twice(layers.Concatenate()([x, skip]), width)
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


@click.command()
@click.option("--batch", default=16, show_default=True)
@click.option("--images", default=96, show_default=True)
def main(batch, images):
    """Time the three and print their ratios."""
    squares = np.random.default_rng(0).random((images, 256, 256, 1), dtype="float32")
    ours, peer = LungUNet(), plain_unet()

    def predict(model):
        for start in range(0, images, batch):
            model.predict_on_batch(squares[start : start + batch])

    work = {
        "segment_lungs": lambda: segment_lungs(squares, ours, batch),
        f"LungUNet, {ours.count_params():,}": lambda: predict(ours),
        f"plain U-Net, {peer.count_params():,}": lambda: predict(peer),
    }
    rates = {name: images / median_seconds(each) for name, each in work.items()}
    for name, value in rates.items():
        ratio = value / rates["segment_lungs"]
        click.echo(f"{name:24} {value:7.1f} images/s   {ratio:5.2f} × ours")


if __name__ == "__main__":
    main()
