"""Pictures of pages at a third of the size: at most 256 colors, which suffice for a page of text and badges."""

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_COLORS = 256
_REDUCE = """async ([source, most]) => {
    const image = await createImageBitmap(await (await fetch(source)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    const palette = [...counts].sort((first, second) => second[1] - first[1]).slice(0, most).map(([color]) => color);
    const parts = color => [color & 255, color >> 8 & 255, color >> 16 & 255];
    const known = new Map(palette.map((color, index) => [color, index]));
    const nearest = color => {
        const target = parts(color);
        const far = other => parts(other).reduce((sum, part, no) => sum + (part - target[no]) ** 2, 0);
        return palette.reduce((best, other, index) => far(other) < far(palette[best]) ? index : best, 0);
    };
    for (const color of counts.keys()) if (!known.has(color)) known.set(color, nearest(color));
    let bytes = '';
    for (const pixel of pixels) bytes += String.fromCharCode(known.get(pixel));
    return [image.width, image.height, palette.flatMap(parts), btoa(bytes)];
}"""


def take(page: Page, file: Path) -> None:
    """Write the visible part of *page* to *file*, as PNG with a palette."""
    source = base64.b64encode(page.screenshot(animations="disabled", caret="hide")).decode()
    browser = page.context.browser
    assert browser is not None
    studio = browser.new_page()
    picture: Any = studio.evaluate(_REDUCE, [f"data:image/png;base64,{source}", _COLORS])
    studio.close()
    width, height, palette, indices = picture
    file.write_bytes(_png(width, height, bytes(palette), base64.b64decode(indices)))


def _png(width: int, height: int, palette: bytes, indices: bytes) -> bytes:
    rows = b"".join(b"\0" + indices[start : start + width] for start in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
