"""A weighted random choice."""


def choose(rng, weights):
    """Choose one key of a table by its weight.

    Args:
        rng: `numpy.random.Generator`.
        weights: dict of any key to a positive number.

    Returns:
        One of the keys.

    Example:
    ```python
    choose(rng, {"right": 69, "left": 61})
    ```
    """
    keys, total = list(weights), sum(weights.values())
    mark = rng.random() * total
    for key in keys:
        mark -= weights[key]
        if mark < 0:
            return key
    return keys[-1]
