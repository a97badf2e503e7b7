"""What an answer looks like, which may be told before the deadline."""


def expectation(item):
    """Describe the answers that an exercise can have.

    Args:
        item: `coursework.grade.rubric.Item` with an `exercise`.

    Returns:
        A dict: the item's own `expects`, if it has one; or else `{"words": n}` of a
        text, `{"names": [...]}` of a choice, and of a number its `type`, with `low` and
        `high` if it is a share, and its `unit` if it is a percentage.

    Example:
    ```python
    expectation(asked.items[4])  # {"type": "number", "low": 0, "high": 1}
    ```
    """
    if item.expects:
        return item.expects
    if item.words:
        return {"type": "text", "words": item.words}
    if item.among:
        return {"type": "name", "names": sorted(item.among)}
    if item.names:
        return {"type": "name"}
    against = item.comparison.against
    if isinstance(against, str):
        percent = against.replace(" ", "").startswith("100*")
        return {"type": "number"} | ({"unit": "%"} if percent else {})
    numbers = against if isinstance(against, tuple) else (against,)
    whole = all(float(number).is_integer() for number in numbers)
    if 0 <= min(numbers) <= max(numbers) <= 1:
        return {"type": "number", "low": 0, "high": 1}
    exact = item.comparison.relation == "equals" and not item.comparison.margin
    return {"type": "whole number" if whole and exact else "number"}
