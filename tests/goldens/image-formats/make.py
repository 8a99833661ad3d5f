"""Writes the WebP and EXIF cases of this folder and what Pillow makes of them: python3 make.py (Pillow with WebP, numpy)."""
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

random = np.random.default_rng(4)
height, width = 20, 27
y, x = np.mgrid[0:height, 0:width]
smooth = np.stack([9 * x, 12 * y, 5 * (x + y)], -1) + random.integers(-8, 9, (height, width, 3))
rgb = np.clip(smooth, 0, 255).astype(np.uint8)
alpha = np.clip(255 - 13 * np.abs(x - 13) + random.integers(-20, 21, (height, width)), 0, 255).astype(np.uint8)
rgba = np.concatenate([rgb, alpha[..., None]], -1)
expected = {}


def save(name, picture, **options):
    if picture is not None:
        picture.save(name, **options)
    with Image.open(name) as file:
        file = ImageOps.exif_transpose(file)
        expected[name] = np.asarray(file.convert("RGB"))
        if file.mode == "RGBA" or "transparency" in file.info:
            white = Image.new("RGBA", file.size, (255, 255, 255))
            expected[name + ".white"] = np.asarray(Image.alpha_composite(white, file.convert("RGBA")).convert("RGB"))
            violet = Image.new("RGBA", file.size, (90, 20, 200))
            expected[name + ".violet"] = np.asarray(Image.alpha_composite(violet, file.convert("RGBA")).convert("RGB"))


save("lossy.webp", Image.fromarray(rgb), quality=60)
save("lossless.webp", Image.fromarray(rgb), lossless=True)
save("lossy_alpha.webp", Image.fromarray(rgba), quality=70)
save("lossless_alpha.webp", Image.fromarray(rgba), lossless=True, exact=True)
save("alpha.png", Image.fromarray(rgba))
save("gray_alpha.png", Image.fromarray(rgba).convert("LA"))
palette = Image.fromarray(rgb).quantize(16)
palette.save("palette_alpha.png", transparency=bytes([0, 60, 200, 255]))
save("palette_alpha.png", Image.open("palette_alpha.png"))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"exif{orientation}.jpg", Image.fromarray(rgb), quality=90, exif=exif)
exif = Image.Exif()
exif[0x0112] = 6
save("exif6.png", Image.fromarray(rgb), exif=exif)
exif[0x0112] = 8
save("exif8.webp", Image.fromarray(rgb), lossless=True, exif=exif)
# 16 bits a sample, of every colour type, with a transparent value where there is no alpha channel; values around 255, where grey is cut off.
values = np.where(x % 3 == 0, 300, np.where(x % 3 == 1, 20 * x + 7 * y, 2500 * x + 31 * y)) & 0xFFFF


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


for kind, channels, key in ((0, 1, 44), (2, 3, 300), (4, 2, None), (6, 4, None)):
    samples = np.stack([(values * (1 + 5 * c)) & 0xFFFF for c in range(channels)], -1).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    for transparent in (False, True) if key else (False,):
        name = f"deep{kind}{'_key' if transparent else ''}.png"
        with open(name, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
                       + (chunk(b"tRNS", struct.pack(">H", key) * channels) if transparent else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
        save(name, None)
Image.fromarray(rgb).save("animated.webp", save_all=True, append_images=[Image.fromarray(rgb[::-1])])

header, data = {}, b""
for name, pixels in expected.items():
    header[name] = {"dtype": "U8", "shape": list(pixels.shape), "data_offsets": [len(data), len(data) + pixels.nbytes]}
    data += pixels.tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("expected.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
