"""Writes JPEGs of every kind, GIFs, BMPs, ICOs and animations, and what Pillow makes of them: python3 make.py (Pillow with WebP, numpy, libturbojpeg)."""
import ctypes
import json
import os
import struct

import numpy as np
from PIL import Image

random = np.random.default_rng(9)
height, width = 43, 61
y, x = np.mgrid[0:height, 0:width]
smooth = np.stack([4 * x, 5 * y, 2 * (x + y)], -1) + 40 * np.sin(x / 5)[..., None] + random.integers(-12, 13, (height, width, 3))
rgb = np.clip(smooth, 0, 255).astype(np.uint8)
alpha = random.integers(0, 256, (height, width)).astype(np.uint8)
picture = Image.fromarray(rgb)
see_through = Image.fromarray(np.concatenate([rgb, alpha[..., None]], -1))
ink = np.asarray(picture.convert("CMYK")).copy()
ink[..., 3] = alpha // 2
palette = picture.quantize(16)
expected = {}


def expect(name):
    with Image.open(name) as file:
        expected[name] = np.asarray(file.convert("RGB"))
        if file.mode == "RGBA" or "transparency" in file.info:
            white = Image.new("RGBA", file.size, (255, 255, 255))
            expected[name + ".white"] = np.asarray(Image.alpha_composite(white, file.convert("RGBA")).convert("RGB"))


def save(name, image, **options):
    image.info.clear()
    image.save(name, **options)
    expect(name)


def restarts(name, pixels, quality):
    """A JPEG with a restart marker after every third block, which older versions of Pillow do not write."""
    os.environ["TJ_RESTART"] = "3b"
    turbo = ctypes.CDLL("libturbojpeg.so.0")
    turbo.tjInitCompress.restype = ctypes.c_void_p
    data, size = ctypes.c_void_p(), ctypes.c_ulong()
    turbo.tjCompress2(ctypes.c_void_p(turbo.tjInitCompress()), pixels.ctypes.data_as(ctypes.c_void_p), pixels.shape[1], 0, pixels.shape[0], 0,
                      ctypes.byref(data), ctypes.byref(size), 2, quality, 0)
    with open(name, "wb") as file:
        file.write(ctypes.string_at(data, size.value))
    expect(name)


save("444.jpg", picture, quality=90, subsampling=0)
save("422.jpg", picture, quality=85, subsampling=1)
save("420.jpg", picture, quality=85, subsampling=2)
restarts("restarts.jpg", rgb, 85)
save("fine.jpg", picture, quality=100, subsampling=0)
save("coarse.jpg", picture, quality=10)
save("progressive_420.jpg", picture, quality=85, progressive=True)
save("progressive_444.jpg", picture, quality=90, progressive=True, subsampling=0)
save("grey.jpg", picture.convert("L"), quality=85)
save("grey_progressive.jpg", picture.convert("L"), quality=85, progressive=True)
save("ink.jpg", Image.fromarray(ink, "CMYK"), quality=95)
save("palette.gif", palette)
save("interlaced.gif", palette, interlace=1)
save("transparent.gif", palette, transparency=3)
frames = [Image.fromarray(np.roll(rgb, 9 * i, 0)) for i in range(3)]
save("animated.gif", frames[0], save_all=True, append_images=frames[1:])
save("animated.webp", frames[0], save_all=True, append_images=frames[1:], quality=70)
for frame in frames:
    frame.putalpha(Image.fromarray(alpha))
save("animated_alpha.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True, exact=True)
for name in ("palette", "transparent"):  # a picture that is smaller than the whole
    file = bytearray(open(f"{name}.gif", "rb").read())
    file[6:10] = struct.pack("<HH", 70, 50)
    picture_at = file.index(b"\x2c")
    file[picture_at + 1:picture_at + 5] = struct.pack("<HH", 5, 6)
    open(f"{name}_within.gif", "wb").write(file)
    expect(f"{name}_within.gif")
save("rgb.bmp", picture)
save("palette.bmp", palette)
save("two.bmp", picture.convert("1"))
save("alpha.ico", see_through.resize((48, 48)), sizes=[(16, 16), (48, 48)])
save("rgb.ico", picture.resize((32, 32)), sizes=[(32, 32)])
save("bitmap.ico", see_through.resize((32, 32)), sizes=[(32, 32)], bitmap_format="bmp")

header, data = {}, b""
for name, pixels in expected.items():
    header[name] = {"dtype": "U8", "shape": list(pixels.shape), "data_offsets": [len(data), len(data) + pixels.nbytes]}
    data += pixels.tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("expected.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
