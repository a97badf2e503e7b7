"""Small sums over scores: what a rubric may write in place of a number.

`100 * (1 - coco.bleu_4.shuffled / coco.bleu_4)`: numbers, + − * /, brackets, abs and
names. A name with a dot is a score, or a value beside one; without, a parameter of the
run. One that is not a Python name goes in quotes: `'funnel.has both views'`.
"""

import ast
import math
import operator

from cxrbase.files import InputError

_SUMS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


LONGEST = 1000  # Characters of a sum.


def _parse(text):
    if len(text) > LONGEST:
        raise _refusal(text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refusal(text) from None


def _refusal(text):
    at_most = f" of at most {LONGEST:,} characters" if len(text) > LONGEST else ""
    return InputError(
        f"“{text[:80]}” is neither a number nor a sum of scores{at_most}."
    )


def _name(node):
    """The name that a node is, or `None`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _name(node.value)):
        return f"{owner}.{node.attr}"
    return None


def names_in(text):
    """The names of an expression; this checks it, too.

    Args:
        text: string.

    Returns:
        A list of strings.

    Raises:
        InputError: if it is more than a sum of scores.

    Example:
    ```python
    names_in("2 * coco.bleu_4")  # ["coco.bleu_4"]
    ```
    """
    names = []
    value_of(text, lambda name: names.append(name) or math.nan)
    return names


def value_of(text, look_up):
    """Compute an expression.

    Args:
        text: string.
        look_up: callable, name → number.

    Returns:
        A float.

    Raises:
        InputError: if it is more than a sum of scores, or divides by 0; and what
            `look_up` raises.

    Example:
    ```python
    value_of("1 - a.b / 4", {"a.b": 1.0}.get)  # 0.75
    ```
    """

    def compute(node):
        name = _name(node)
        if name is not None:
            return look_up(name)
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(
                number, bool
            ):
                return number
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -compute(inner)
            case ast.BinOp(left=one, op=sign, right=other) if type(sign) in _SUMS:
                return _SUMS[type(sign)](compute(one), compute(other))
            case ast.Call(func=ast.Name("abs"), args=[inner], keywords=[]):
                return abs(compute(inner))
        raise _refusal(text)

    try:
        return float(compute(_parse(text)))
    except RecursionError:
        raise _refusal(text) from None
    except (ZeroDivisionError, OverflowError):
        raise InputError(f"“{text}” divides by 0.") from None
