"""The order of an epoch: decided by seed and epoch, with tf.data or without.

tf.data shuffles with a buffer and a generator of its own. `shuffle_rows` repeats both
in NumPy, so that a training is fed the same batches where there is no TensorFlow.
"""

import numpy as np

# Studies held in memory for shuffling: 100 MB at 224 × 224.
SHUFFLE_BUFFER = 1024


def draw_epoch(shards, seed, epoch):
    """Draw the order of the shards, and the seeds that shuffle their studies.

    Args:
        shards: int. How many there are.
        seed: int.
        epoch: int.

    Returns:
        A pair: an array of the numbers below `shards`, and two ints, the seeds that
        `tf.data.Dataset.shuffle` takes from TensorFlow's global seed and its own.

    Example:
    ```python
    order, seeds = draw_epoch(7, seed=0, epoch=3)
    ```
    """
    rng = np.random.default_rng([seed, epoch])
    order, own, limit = rng.permutation(shards), int(rng.integers(2**31)), 2**31 - 1
    # Two zeros would mean a new order every time.
    return order, (seed % limit, own % limit or (0 if seed % limit else limit))


def shuffle_rows(rows, seeds, buffer=SHUFFLE_BUFFER):
    """Shuffle as tf.data does.

    Args:
        rows: array `(n,)`.
        seeds: pair of ints, as from `draw_epoch`.
        buffer: int. `buffer_size` of `tf.data.Dataset.shuffle`.

    Returns:
        A shuffled copy.

    Example:
    ```python
    tf.random.set_seed(3)
    dataset = tf.data.Dataset.range(9).shuffle(4, seed=7)
    list(dataset.as_numpy_iterator()) == list(shuffle_rows(np.arange(9), (3, 7), 4))
    ```
    """
    rows = np.array(rows)
    seeds = map(int, _philox(2, *seeds))  # Every iteration draws a new pair.
    for start, draw in enumerate(_philox(len(rows), *seeds).tolist()):
        # The buffer's next study takes the place of the one that was drawn.
        drawn = start + draw % min(buffer, len(rows) - start)
        rows[[start, drawn]] = rows[[drawn, start]]
    return rows


def _philox(count, key, counter):
    """The first numbers of TensorFlow's `PhiloxRandom(key, counter)`.

    Reference:
    - [Salmon et al., 2011](https://doi.org/10.1145/2063384.2063405)
    """
    word, low = np.uint64(32), np.uint64(2**32 - 1)
    block = np.arange(-(-count // 4), dtype=np.uint64)
    zero = np.zeros_like(block)
    a, b, c, d = block, zero, zero + np.uint64(counter), zero
    keys = [key, 0]
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a = (right >> word) ^ b ^ np.uint64(keys[0])
        c = (left >> word) ^ d ^ np.uint64(keys[1])
        b, d = right & low, left & low
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    return np.stack([a, b, c, d], axis=1).ravel()[:count]
