"""Writes UnicodeTables.Data.cs: decompositions and combining classes of the Unicode version that Python has."""

import base64
import unicodedata
import zlib


def varint(n):
    out = b""
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def signed(n):
    return varint(2 * n if n >= 0 else -2 * n - 1)


# Pairs that compose again, other canonical mappings, compatibility mappings, combining classes.
tables = [[], [], [], []]
for c in range(0x110000):
    char = chr(c)
    if 0xD800 <= c < 0xE000 or 0xAC00 <= c < 0xD7A4:  # surrogates; Hangul is computed
        continue
    mapping = unicodedata.decomposition(char).split()
    if mapping and mapping[0][0] == "<":
        tables[2].append((c, [int(m, 16) for m in mapping[1:]]))
    elif mapping:
        composes = len(mapping) == 2 and unicodedata.normalize("NFC", char) == char
        tables[0 if composes else 1].append((c, [int(m, 16) for m in mapping]))
    if unicodedata.combining(char):
        tables[3].append((c, [unicodedata.combining(char)]))

data = b""
for table in tables:
    sources, lengths, values = b"", b"", b""
    previous, last = 0, [0, 0, 0]
    for c, mapping in table:
        sources, previous = sources + varint(c - previous), c
        lengths += varint(len(mapping))
        for i, m in enumerate(mapping):
            values, last[min(i, 2)] = values + signed(m - last[min(i, 2)]), m
    data += varint(len(table)) + sources + lengths + values

deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
text = base64.b64encode(deflate.compress(data) + deflate.flush()).decode()
lines = [text[i:i + 120] for i in range(0, len(text), 120)]
with open("UnicodeTables.Data.cs", "w") as file:
    file.write("namespace NanoVlm.Text.Normalizers;\n\n")
    file.write(f"// Unicode {unicodedata.unidata_version}, written by make_unicode_tables.py.\n")
    file.write("internal static partial class UnicodeTables\n{\n    private const string _data =\n")
    file.write("\n".join(f'        {"+ " if i else ""}"{line}"' for i, line in enumerate(lines)) + ";\n}\n")
