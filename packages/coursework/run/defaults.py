"""The type of each parameter, which is that of the notebook's default.

`prompt = "No"` makes `prompt` a text whatever is given for it: `-p prompt No` and
`prompt: No` in YAML are the text "No", and 0012, 1:30 or 2026-01-01 stay as written.
The cell is read, never run.
"""

import ast
import math
import numbers
import re
import types

from cxrbase.files import InputError

FREE = None  # The kind of a default of `None`, or of one that only running it shows.
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[-+]?\d{1,40}", re.ASCII)
BOOLS = dict.fromkeys(("true", "yes", "on", "y", "t", "1"), True)
BOOLS |= dict.fromkeys(("false", "no", "off", "n", "f", "0"), False)
NONE = ("", "~", "null", "Null", "NULL", "None")
IN_WORDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
    FREE: "a text, a number, true or false",
    list[str]: "a list of texts",
}
# What calls of these names return; a path is passed as text.
RETURNS = {"str": str, "int": int, "float": float, "bool": bool, "len": int}
RETURNS |= dict.fromkeys(("getenv", "join", "format", "strip", "lower", "Path"), str)
RETURNS |= {"list": list, "tuple": list, "set": list, "sorted": list, "dict": dict}
# papermill injects no tuples and no sets, but lists.
DISPLAYS = {
    **dict.fromkeys((ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.SetComp), list),
    **dict.fromkeys((ast.Dict, ast.DictComp), dict),
    **dict.fromkeys((ast.Compare,), bool),
    ast.JoinedStr: str,
}


class Word(str):
    """A value written without quotes: a text, a number or a truth value."""


# === The kinds of a cell ===


def kinds_in(source):
    """Find the kind of each name that a cell of parameters assigns.

    Args:
        source: string. The cell's code.

    Returns:
        A dict of strings to `str`, `bool`, `int`, `float`, `list`, `list[str]`, `dict`
        or, where the default is `None` or only known when it is run, `FREE`; to
        `int | None` and the like. An annotation takes precedence over a value. It is
        empty if the code cannot be parsed.

    Example:
    ```python
    kinds_in("rate: float = 1\\nepochs = 2 * 5\\ndata = f'{epochs}'")
    # {"rate": float, "epochs": int, "data": str}
    ```
    """
    lines = ["" if line[:1] in "%!" else line for line in source.splitlines()]
    try:
        body = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    kinds = {}
    for step in body:
        match step:
            case ast.AnnAssign(target=ast.Name(name), annotation=kind, value=value):
                kinds[name] = _annotated(kind) or _kind(value, kinds)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    kinds |= _assigned(target, value, kinds)
    return kinds


def _assigned(target, value, kinds):
    if isinstance(target, ast.Name):
        return {target.id: _kind(value, kinds)}
    sides = target, value
    if all(isinstance(side, ast.Tuple) for side in sides):
        pairs = zip(target.elts, value.elts, strict=False)
        return {k: v for pair in pairs for k, v in _assigned(*pair, kinds).items()}
    return {}


def _annotated(node):
    """`int`, `list[str]`, `int | None`, `"int"`; `FREE` for what is not known."""
    match node:
        case ast.Constant(value=str(words)):
            try:
                return _annotated(ast.parse(words, mode="eval").body)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return FREE
        case ast.Name(name):
            return RETURNS.get(name)
        case ast.Attribute(attr=name):  # pathlib.Path
            return RETURNS.get(name)
        case ast.BinOp(left=kind, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _or_none(kind)
        case ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=kind):
            return _or_none(kind)
        case ast.Subscript(ast.Name("Optional") | ast.Attribute(attr="Optional"), kind):
            return _or_none(kind)
        case ast.Subscript(ast.Name("list" | "tuple" | "set"), kinds):
            kinds = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            return list[str] if _annotated(kinds[0]) is str else list
        case ast.Subscript(value):
            return _annotated(value)
    return FREE


def _or_none(node):
    kind = _annotated(node)
    return kind and kind | None


def _kind(node, kinds):
    """The kind of an expression's value."""
    match node:
        case ast.Constant(value=value):
            return type(value) if type(value) in (str, bool, int, float) else FREE
        case ast.Name(name):
            return kinds.get(name)
        case ast.UnaryOp(op=ast.Not()):
            return bool
        case ast.UnaryOp(operand=inner):
            return int if (kind := _kind(inner, kinds)) is bool else kind
        case ast.BinOp(left=left, op=sign, right=right):
            return _of_sum(_kind(left, kinds), sign, _kind(right, kinds), right)
        case ast.BoolOp(values=values):
            return _common([_kind(each, kinds) for each in values])
        case ast.IfExp(body=one, orelse=other):
            return _common([_kind(one, kinds), _kind(other, kinds)])
        case ast.Call(func=ast.Name("round"), args=args):
            return int if len(args) == 1 else float
        case ast.Call(func=ast.Name("max" | "min" | "abs" | "sum"), args=args):
            return _common([_kind(each, kinds) for each in args])
        case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)):
            return RETURNS.get(name)
        case ast.List(elts) | ast.Tuple(elts) | ast.Set(elts):
            return list[str] if {_kind(e, kinds) for e in elts} == {str} else list
    return DISPLAYS.get(type(node))


def _of_sum(left, sign, right, power):
    """The kind of `left sign right`."""
    if isinstance(sign, ast.Div):
        return str if str in (left, right) else float  # A path is joined by /.
    if isinstance(sign, ast.Pow) and isinstance(power, ast.UnaryOp):
        return float  # 10 ** -3
    for kind in (str, list[str], list, float):
        if kind in (left, right):
            return kind
    return int if {left, right} <= {int, bool} else FREE


def _common(kinds):
    if set(kinds) == {int, float}:
        return float
    return kinds[0] if len(set(kinds)) == 1 else FREE


# === A value of a kind ===


def as_kind(value, kind, what, where=""):
    """Turn what was given for a parameter into its kind, or refuse it.

    Args:
        value: a `Word`, or a value of Python or YAML.
        kind: see `kinds_in`.
        what: string. The parameter, for the message.
        where: string. Who gave it, for the message.

    Returns:
        A string, bool, int, finite float, list or dict; `None` only for `FREE` and
        `int | None`.

    Raises:
        InputError: if it is of another kind.

    Example:
    ```python
    as_kind(Word("No"), str, "prompt"), as_kind(Word("no"), bool, "resume")
    # ("No", False)
    ```
    """
    where = f"{where}: " if where else ""
    if any(0xD800 <= ord(letter) < 0xE000 for letter in str(value)):
        raise InputError(f"{where}{what}: not a text in UTF-8. Write it again.")
    try:
        if isinstance(kind, types.UnionType):
            kind, _ = kind.__args__
            if value is None or (isinstance(value, Word) and value and value in NONE):
                return None
        return _TURN[kind](value)
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError):
        shown = str(value) if isinstance(value, str) else repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:60]} …"
        raise InputError(
            f"{where}{what}={shown}: must be {IN_WORDS[kind]}, "
            "as the notebook's default is."
        ) from None


def scalar(word):
    """Read a word as YAML 1.2 does: yes, 1:30, 2026-01-01 and 0012 are texts.

    Args:
        word: string.

    Returns:
        `None` for an empty word, `~` and `null`; a bool for `true` and `false`; an int
        or a float; else the string.

    Example:
    ```python
    scalar("1e-3"), scalar("true"), scalar("No")  # (0.001, True, "No")
    ```
    """
    if word in NONE:
        return None
    if word in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return word.lower() == "true"
    if re.match(r"[-+]?0\d", word):
        return str(word)  # An identifier, not an amount.
    if WHOLE.fullmatch(word):
        return int(word)
    if NUMBER.fullmatch(word) and math.isfinite(float(word)):
        return float(word)
    return str(word)


def plain(value):
    """Turn every `Word` into its value, at any depth."""
    if isinstance(value, Word):
        return scalar(value)
    if isinstance(value, list | tuple | set):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if value is None or isinstance(value, str | bool | int):
        return value
    return _float(value)


def _text(value):
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _bool(value):
    if isinstance(value, bool):
        return value
    return BOOLS[_text(value).strip().lower()]


def _int(value):
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    text = _text(value).strip()
    return int(text) if WHOLE.fullmatch(text) else _float(None)


def _float(value):
    if isinstance(value, str):
        value = float(value) if NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _display(kind, value, turn=plain):
    if isinstance(value, str):
        value = ast.literal_eval(value.strip())
    if not isinstance(value, (list, tuple, set) if kind is list else dict):
        raise TypeError
    return turn(value)


_TURN = {
    str: _text,
    bool: _bool,
    int: _int,
    float: _float,
    list: lambda value: _display(list, value),
    list[str]: lambda value: _display(list, value, lambda all: [*map(_text, all)]),
    dict: lambda value: _display(dict, value),
    FREE: plain,
}
