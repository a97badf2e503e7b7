"""How a good input is spoilt: its bytes, its text, its JSON, its zip, its DICOM."""

import io
import json
import struct
import warnings
import zipfile
import zlib

NUMBERS = (0, -1, 1, 2, 7, 255, 65535, 2**31 - 1, 2**31, 2**63, 10**9, 10**400)
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e308, -0.0, 1e-320, 0.5)
WORDS = (
    "", " ", "nan", "None", "-1.0", "yes", "Normal.", "../../../outside.txt", "a\x00b",
    "/etc/passwd", "..\\..\\outside", "x" * 5000, "=cmd()", "<script>alert(1)</script>",
    "é\u0301ﬀ\u200b\u202e", "\ud800", "1e400", "https://example.org/a", "~", "C:\\a",
    "2026-01-01", "a,b;c\td", '"', "'", "[" * 2000, "{{7*7}}", "${HOME}", "$(id)", "\n",
)  # fmt: skip


def spoil_bytes(content, dice):
    """Turn, cut out, repeat or overwrite a few bytes somewhere; or end early."""
    content = bytearray(content)
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        place = dice.randrange(len(content))
        length = dice.choice([1, 2, 4, 64, 1000])
        change = dice.randrange(7)
        if change == 0:
            content[place] ^= 1 << dice.randrange(8)
        elif change == 1:
            del content[place : place + length]
        elif change == 2:
            content[place:place] = content[place : place + length]
        elif change == 3:
            filling = dice.choice([b"\xff", b"\x00", b"\n", b"\xd9\xff"])
            content[place : place + length] = filling * length
        elif change == 4:
            del content[place:]
        elif change == 5:
            number = dice.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1])
            order = dice.choice("<>")
            content[place : place + 4] = struct.pack(f"{order}I", number)
        else:
            other = dice.randrange(len(content))
            content[place : place + length] = content[other : other + length]
        content = content or bytearray(b"\x00")
    return bytes(content)


def spoil_text(text, dice):
    """Put odd words, separators and line ends into a text; or leave lines out."""
    for _ in range(dice.choice([1, 1, 2, 5])):
        lines = text.split("\n")
        i = dice.randrange(len(lines))
        cells = lines[i].split(",")
        change = dice.randrange(9)
        if change == 0:
            cells[dice.randrange(len(cells))] = str(odd_value(dice))
            lines[i] = ",".join(cells)
        elif change == 1:
            lines[i] += "," + dice.choice(WORDS)
        elif change == 2:
            lines[i] = ",".join(cells[:-1])
        elif change == 3:
            lines.insert(i, lines[dice.randrange(len(lines))])
        elif change == 4:
            del lines[i]
            lines = lines or [""]
        elif change == 5:
            lines = [line.replace(",", dice.choice(";\t|")) for line in lines]
        elif change == 6:
            place = dice.randrange(len(lines[i]) + 1)
            lines[i] = lines[i][:place] + dice.choice(WORDS) + lines[i][place:]
        elif change == 7:
            lines[i] = lines[i].swapcase()
        else:
            lines = lines[:i]
        text = dice.choice(["\n", "\n", "\n", "\r\n", "\r"]).join(lines)
    codec = dice.choice(["utf-8"] * 12 + ["utf-8-sig", "utf-16", "latin-1"])
    return text.encode(codec, "replace")


def odd_value(dice):
    """Anything that a cell or a JSON may hold."""
    return dice.choice([dice.choice(NUMBERS), dice.choice(FLOATS), dice.choice(WORDS)])


def spoil_tree(tree, dice):
    """Exchange, drop or double something somewhere in what JSON holds, in place."""
    inner = [tree]
    for node in inner:
        values = node.values() if isinstance(node, dict) else node
        inner += [value for value in values if isinstance(value, dict | list) and value]
    node = dice.choice(inner)
    key = dice.choice(list(node) if isinstance(node, dict) else range(len(node)))
    change = dice.randrange(6)
    if change == 0:
        del node[key]
    elif change == 1:
        node[key] = dice.choice([None, True, [], {}, [[]], {"a": {}}, ""])
    elif change == 2:
        deep = []
        for _ in range(dice.choice([20, 200])):
            deep = [deep]
        node[key] = deep
    elif change == 3 and isinstance(node, list):
        node.extend(node[: max(1, 1000 // len(node))])
    elif change == 4 and isinstance(node[key], int | float):
        node[key] *= dice.choice([-1, 0, 10, 10**5, 0.5])
    else:
        node[key] = odd_value(dice)
    return tree


def spoil_json(text, dice):
    """The same to a JSON text; or spoil its letters; or nest it very deeply."""
    change = dice.randrange(8)
    if change == 0:
        return spoil_text(text, dice)
    if change == 1:
        return spoil_bytes(text.encode(), dice)
    if change == 2 and dice.random() < 0.2:
        return (dice.choice(["[", '{"a":']) * 100_000).encode()
    tree = json.loads(text)
    for _ in range(dice.choice([1, 1, 2])):
        tree = spoil_tree(tree, dice)
    return json.dumps(tree).encode("utf-8", "replace")


def spoil_yaml(text, dice):
    """Spoil a YAML text as text, with what only YAML knows."""
    odd = (
        "!!python/object/apply:os.system ['touch outside']", "&a [*a]", "*b", "? ",
        "2026-01-01", "No", "1:30", "0o17", "{a: {b: [1, 2", "!!binary abc", "- - -",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]",
    )  # fmt: skip
    if dice.random() < 0.5:
        return spoil_text(text, dice)
    lines = text.split("\n")
    i = dice.randrange(len(lines))
    lines[i] = dice.choice([lines[i] + " ", "", "number: "]) + dice.choice(
        [*odd, *WORDS]
    )
    return "\n".join(lines).encode("utf-8", "replace")


def spoil_safetensors(content, dice):
    """Spoil the header of a safetensors file as JSON, or its bytes."""
    length = int.from_bytes(content[:8], "little")
    if dice.random() < 0.3:
        return spoil_bytes(content[: 8 + length], dice) + content[8 + length :]
    header = spoil_json(content[8 : 8 + length].decode(), dice)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def spoil_hdf5(content, dice):
    """Spoil a few bytes of an HDF5 file, most of them near its beginning."""
    if dice.random() < 0.7:
        head = 4096
        return spoil_bytes(content[:head], dice) + content[head:]
    return spoil_bytes(content, dice)


def spoil_member(content, dice):
    """Spoil a member of a zip as JSON, if it is."""
    if content[:1] == b"{" and dice.random() < 0.7:
        return spoil_json(content.decode(), dice)
    return spoil_bytes(content, dice)


def spoil_zip(content, dice):
    """Spoil a zip: its bytes, a member, a member's name, its size; or double one."""
    if dice.random() < 0.3:
        return spoil_bytes(content, dice)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    i = dice.randrange(len(members))
    name, data = members[i]
    change = dice.randrange(7)
    if change <= 2:
        members[i] = name, spoil_member(data or b"\x00", dice)
    elif change == 3:
        bad = ["../../outside.txt", "/tmp/outside.txt", "a\x00b", "", name.upper()]
        members[i] = dice.choice(bad), data
    elif change == 4:
        members.append((name, spoil_bytes(data or b"\x00", dice)))
    elif change == 5:
        members[i] = name, b"\x00" * 60_000_000  # 60 kB in the zip.
    else:
        del members[i]
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", 8) as archive:
        warnings.simplefilter("ignore")  # Names that stand there twice.
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name or "none"), data, 8)
    return packed.getvalue()


def spoil_png(content, dice):
    """Spoil the fields of a PNG's chunks, and give each its right checksum."""
    place, chunks = 8, []
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunks.append([content[place + 4 : place + 8], content[place + 8 :][:length]])
        place += length + 12
    change = dice.randrange(6)
    if change == 0:  # Width, height, depth, colour, …
        size = bytearray(chunks[0][1])
        if dice.random() < 0.5:
            number = dice.choice([0, 1, 65, 9000, 60000, 2**31 - 1])
            struct.pack_into(">I", size, dice.choice([0, 4]), number)
        else:
            size[dice.randrange(8, 13)] = dice.choice([0, 1, 2, 3, 4, 6, 8, 16, 255])
        chunks[0][1] = bytes(size)
    elif change == 1:
        bomb = zlib.compress(b"\x00" * 30_000_000)
        chunks.insert(
            1, dice.choice([[b"iCCP", b"a\0\0" + bomb], [b"zTXt", b"a\0\0" + bomb]])
        )
    elif change == 2:
        chunks.insert(dice.randrange(len(chunks)), dice.choice(chunks))
    elif change == 3:
        del chunks[dice.randrange(len(chunks))]
    elif change == 4:
        bomb = zlib.compress(b"\x00" * 30_000_000)
        chunks = [[k, bomb if k == b"IDAT" else d] for k, d in chunks]
    else:
        chunks = [[k, spoil_bytes(d, dice) if d else d] for k, d in chunks]
    return content[:8] + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def spoil_dicom(content, dice):
    """Empty, drop or exchange elements of a DICOM file."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(content))
        added = {
            "WindowCenter": "DS", "WindowWidth": "DS", "RescaleSlope": "DS",
            "RescaleIntercept": "DS", "PixelPaddingValue": "US",
            "NumberOfFrames": "IS", "PhotometricInterpretation": "CS",
            "PresentationLUTShape": "CS", "PresentationIntentType": "CS",
        }  # fmt: skip
        for _ in range(dice.choice([1, 1, 2, 3])):
            name = dice.choice([*added, *(e.keyword for e in dataset if e.keyword)])
            change = dice.randrange(4)
            try:
                if change == 0 and name in dataset:
                    del dataset[name]
                elif change == 1:
                    setattr(dataset, name, None)
                elif change == 2 and added.get(name) == "DS":
                    odd = ["", "0", "-1", "1", "1e308", "1e-300", "nan", "inf", "4096"]
                    dataset.add_new(name, "DS", dice.choice(odd))
                elif change == 2 and added.get(name) == "CS":
                    odd = "MONOCHROME1", "RGB", "PALETTE COLOR", "INVERSE", "", "ODD"
                    dataset.add_new(name, "CS", dice.choice(odd))
                else:
                    setattr(dataset, name, dice.choice(NUMBERS[:10]))
            except (ValueError, TypeError, OverflowError):
                continue  # pydicom would not write that.
        packed = io.BytesIO()
        try:
            pydicom.dcmwrite(packed, dataset, enforce_file_format=False)
        except Exception:  # pydicom would not write that either.
            return spoil_bytes(content, dice)
    return packed.getvalue()
