"""Pictures: drawn for inputs, and prepared as the original does it, by Pillow."""

import numpy
import torch
from PIL import Image


def drawn(rng, mode, width, height):
    """Waves of colour with some noise: nothing that a filter leaves as it is, little to store."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    planes = []
    for _ in range(channels):
        fx, fy, phase = rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.6), rng.uniform(0, 6.28)
        plane = 127.5 + 110 * numpy.sin(fx * x + fy * y + phase) * numpy.cos(fy * x - fx * y)
        plane += 40 * ((x + y) % rng.randint(5, 17) < 2)
        planes.append(numpy.clip(plane, 0, 255))
    pixels = numpy.stack(planes, -1).astype(numpy.uint8)
    if mode == "RGBA":
        pixels[: height // 3, :, 3] = 255
        pixels[-height // 5 :, :, 3] = 0
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)


def clip_crop(image, preprocessor):
    """The short side to its size, the middle of it."""
    image = image.convert("RGB")
    short = preprocessor["size"]["shortest_edge"]
    width, height = image.size
    # The long side is cut, not rounded.
    if width < height:
        size = (short, int(short * height / width))
    else:
        size = (int(short * width / height), short)
    image = image.resize(size, Image.Resampling.BICUBIC)
    crop = preprocessor["crop_size"]
    left, top = (size[0] - crop["width"]) // 2, (size[1] - crop["height"]) // 2
    return image.crop((left, top, left + crop["width"], top + crop["height"]))


def clip_pixels(image, preprocessor):
    """`[3, height, width]` f32: scaled in float64, then normalised in float32."""
    levels = numpy.asarray(clip_crop(image, preprocessor)).astype(numpy.float64)
    pixels = (levels * preprocessor["rescale_factor"]).astype(numpy.float32)
    mean, std = (numpy.array(preprocessor[key], numpy.float32) for key in ("image_mean", "image_std"))
    return torch.from_numpy(((pixels - mean) / std).transpose(2, 0, 1).copy())


def white_behind(image):
    """RGB; what is transparent lets white through, in float64 and cut."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode not in ("RGBA", "LA"):
        return image.convert("RGB")
    levels = numpy.asarray(image.convert("RGBA"))
    if levels[..., 3].min() == 255:
        return image.convert("RGB")
    alpha = levels[..., 3:] / 255
    blended = (1 - alpha) * 255 + alpha * levels[..., :3]
    return Image.fromarray(blended.astype(numpy.uint8), "RGB")


def vqgan_pixels(image, dtype):
    """`[1, 3, height, width]` in [-1, 1]"""
    levels = numpy.asarray(white_behind(image)).astype(numpy.float64) / 255 * 2 - 1
    return torch.from_numpy(levels).permute(2, 0, 1)[None].to(dtype)


def levels_of(pixels):
    """`[height, width, 3]` u8 of pixels `[1, 3, height, width]`: cut, not rounded."""
    scaled = (pixels[0].clamp(-1, 1).permute(1, 2, 0) + 1) / 2 * 255
    return scaled.to(torch.uint8)


def crop_sizes(target, max_aspect=4.0):
    """Widths and heights, multiples of 32, of as many units of 32 x 32 as the target has at most."""
    units = (target // 32) ** 2
    found, width, height = [], units, 1
    while width > 0:
        if max(width, height) / min(width, height) <= max_aspect:
            found.append((width * 32, height * 32))
        if (height + 1) * width <= units:
            height += 1
        else:
            width -= 1
    return found


def best_size(size, sizes):
    """Whose shape fits best; of equals the larger pair."""

    def fit(crop):
        ratios = crop[0] / size[0], crop[1] / size[1]
        return min(ratios) / max(ratios), crop

    return max(sizes, key=fit)


def resizes(size, crop):
    """The sizes that a picture goes through, each with Pillow's number of the filter."""
    width, height = size
    steps = []
    while width >= 2 * crop[0] and height >= 2 * crop[1]:
        width, height = width // 2, height // 2
        steps.append([[width, height], int(Image.Resampling.BOX)])
    scale = max(crop[0] / width, crop[1] / height)
    steps.append([[round(width * scale), round(height * scale)], int(Image.Resampling.BICUBIC)])
    return steps


def fitted(image, crop, offset):
    """Resized and cropped, in its own mode."""
    for size, resample in resizes(image.size, crop):
        image = image.resize(tuple(size), Image.Resampling(resample))
    left, top = offset
    return image.crop((left, top, left + crop[0], top + crop[1]))
