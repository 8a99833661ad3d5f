"""Writes sizes.json: what Pillow makes of larger pictures, as hashes: python3 make_sizes.py (Pillow, numpy)."""
import hashlib
import json

import numpy as np
from PIL import Image

random = np.random.default_rng(5)
cases = []
for i in range(60):
    width, height, new_width, new_height = (int(v) for v in random.integers(1, 400, 4))
    if i % 6 == 0:
        new_width = width
    if i % 6 == 1:
        new_height = height
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([(x * 7 + y * 13 + c * 29 + x * y * (c + 1) // 3) & 255 for c in range(3)], -1).astype(np.uint8)
    picture = Image.fromarray(pixels)
    name, number = [("lanczos", 1), ("bilinear", 2), ("bicubic", 3), ("box", 4), ("hamming", 5), ("nearest", 0)][i // 2 % 6]
    # Pillow before 13 begins with the rows, always; two calls are the other order.
    if number and height - new_height > 2 * max(0, width - new_width):
        picture = picture.resize((width, new_height), number)
    resized = picture.resize((new_width, new_height), number)
    cases.append({"width": width, "height": height, "new_width": new_width, "new_height": new_height, "filter": name,
                  "sha256": hashlib.sha256(np.asarray(resized).tobytes()).hexdigest()})
with open("sizes.json", "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
