"""What each node class makes of its inputs: models, texts, latents and pictures drawn by rule.

Pure but for reading input files; runs in a thread, never on the event loop.
"""

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageOps

from farm_app.demo.failures import NodeFailure
from farm_app.demo.png import png_bytes
from farm_app.demo.values import (
    Conditioning,
    Latent,
    Model,
    Named,
    Picture,
    Pictures,
    Product,
    Studio,
)

Inputs = Mapping[str, Any]

SEED_SPAN = 2**64


def make(class_name: str, inputs: Inputs, studio: Studio) -> Product:
    """Run one node.

    Raises:
        NodeFailure: it fails as the real node would.
        OSError: an input file is no picture.
    """
    return MAKERS[class_name](inputs, studio)


def sampler_denoise(inputs: Inputs) -> float:
    """Return which share of the way a sampler goes, for both sampler classes."""
    if "denoise" in inputs:
        return float(inputs["denoise"])
    steps = int(inputs["steps"])
    end = min(int(inputs["end_at_step"]), steps)
    return max(end - int(inputs["start_at_step"]), 0) / steps


def _load_checkpoint(inputs: Inputs, studio: Studio) -> Product:
    name = inputs["ckpt_name"]
    model = _model(studio, "checkpoints", name)
    return Product((model, Named("clip", name), Named("vae", name, model.family)))


def _load_unet(inputs: Inputs, studio: Studio) -> Product:
    return Product((_model(studio, "diffusion_models", inputs["unet_name"]),))


def _model(studio: Studio, kind: str, name: str) -> Model:
    check_header(studio.inventory.path(kind, name))
    return Model(studio.inventory.family(name), name)


def check_header(path: Path | None) -> None:
    """Refuse a dropped-in safetensors file whose header is broken; an empty one is a stand-in.

    Raises:
        NodeFailure: as the safetensors reader says it.
    """
    if path is None or path.suffix != ".safetensors" or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, 1_000_000))
    try:
        json.loads(header)
    except ValueError:
        text = "Error while deserializing header: invalid JSON in header"
        raise NodeFailure("safetensors._safetensors_rust.SafetensorError", text) from None


def _load_clip(inputs: Inputs, studio: Studio) -> Product:
    return Product((Named("clip", inputs.get("clip_name") or inputs["clip_name1"]),))


def _load_vae(inputs: Inputs, studio: Studio) -> Product:
    name = inputs["vae_name"]
    return Product((Named("vae", name, studio.inventory.family(name)),))


def _load_upscaler(inputs: Inputs, studio: Studio) -> Product:
    return Product((Named("upscale", inputs["model_name"]),))


def _load_lora(inputs: Inputs, studio: Studio) -> Product:
    lora = f"{inputs['lora_name']}@{inputs['strength_model']:g}"
    model: Model = inputs["model"]
    return Product((replace(model, loras=(*model.loras, lora)), inputs["clip"]))


def _encode_text(inputs: Inputs, studio: Studio) -> Product:
    return Product((Conditioning(inputs["text"]),))


def _pass_clip(inputs: Inputs, studio: Studio) -> Product:
    return Product((inputs["clip"],))


def _pass_conditioning(inputs: Inputs, studio: Studio) -> Product:
    return Product((inputs["conditioning"],))


def _zero_out(inputs: Inputs, studio: Studio) -> Product:
    return Product((Conditioning(""),))


def _empty_latent(inputs: Inputs, studio: Studio) -> Product:
    width, height = inputs["width"] // 8 * 8, inputs["height"] // 8 * 8
    return Product((Latent(width, height, inputs["batch_size"]),))


def _sample(inputs: Inputs, studio: Studio) -> Product:
    latent: Latent = inputs["latent_image"]
    pictures = tuple(_draw(inputs, latent, index, studio) for index in range(latent.batch))
    return Product((replace(latent, pictures=pictures, family=inputs["model"].family),))


def _draw(inputs: Inputs, latent: Latent, index: int, studio: Studio) -> Picture:
    seed = inputs["seed"] if "seed" in inputs else inputs["noise_seed"]
    seed = (model_seed(seed, inputs["model"]) + index) % SEED_SPAN
    words = inputs["positive"].text, inputs["negative"].text
    size = latent.width, latent.height
    if latent.pictures is None:
        return studio.painter.paint(*words, seed, *size)
    source = latent.pictures[index % len(latent.pictures)]
    return studio.painter.repaint(source, *words, seed, sampler_denoise(inputs), *size)


def model_seed(seed: int, model: Model) -> int:
    """Mix model and LoRAs into a seed: one seed does not mean one picture across models."""
    tint = zlib.crc32("|".join((model.name, *model.loras)).encode())
    return (seed ^ (tint << 32 | tint)) % SEED_SPAN


def _resize_latent(latent: Latent, width: int, height: int) -> Latent:
    width, height = max(width // 8 * 8, 8), max(height // 8 * 8, 8)
    pictures = latent.pictures and tuple(one.resize((width, height)) for one in latent.pictures)
    return replace(latent, width=width, height=height, pictures=pictures)


def _upscale_latent(inputs: Inputs, studio: Studio) -> Product:
    latent: Latent = inputs["samples"]
    width, height = _fill_in(inputs["width"], inputs["height"], (latent.width, latent.height))
    return Product((_resize_latent(latent, width, height),))


def _upscale_latent_by(inputs: Inputs, studio: Studio) -> Product:
    latent: Latent = inputs["samples"]
    factor = inputs["scale_by"]
    size = round(latent.width * factor), round(latent.height * factor)
    return Product((_resize_latent(latent, *size),))


def _fill_in(width: int, height: int, source: tuple[int, int]) -> tuple[int, int]:
    """Work out a side given as 0 from the shape of the source."""
    if width == 0 and height == 0:
        return source
    if width == 0:
        return max(round(source[0] * height / source[1]), 1), height
    if height == 0:
        return width, max(round(source[1] * width / source[0]), 1)
    return width, height


def _decode(inputs: Inputs, studio: Studio) -> Product:
    latent: Latent = inputs["samples"]
    blank = Image.new("RGB", (latent.width, latent.height), (127, 127, 127))
    return Product((Pictures(latent.pictures or (blank,) * latent.batch),))


def _encode(inputs: Inputs, studio: Studio) -> Product:
    pictures: Pictures = inputs["pixels"]
    width, height = (side // 8 * 8 for side in pictures.size)
    batch = tuple(picture.crop((0, 0, width, height)) for picture in pictures.batch)
    return Product((Latent(width, height, len(batch), batch, inputs["vae"].family),))


def _open(inputs: Inputs, studio: Studio) -> Picture:
    with Image.open(str(studio.folders.annotated(inputs["image"]))) as opened:
        return ImageOps.exif_transpose(opened).copy()


def _load_image(inputs: Inputs, studio: Studio) -> Product:
    picture = _open(inputs, studio)
    if "A" in picture.getbands():
        mask = ImageChops.invert(picture.getchannel("A"))
    else:
        mask = Image.new("L", (64, 64))
    return Product((Pictures((picture.convert("RGB"),)), mask))


def _load_mask(inputs: Inputs, studio: Studio) -> Product:
    picture = _open(inputs, studio).convert("RGBA")
    channel = picture.getchannel(inputs["channel"][0].upper())
    return Product((ImageChops.invert(channel) if inputs["channel"] == "alpha" else channel,))


def _empty_image(inputs: Inputs, studio: Studio) -> Product:
    colour = inputs["color"]
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    blank = Image.new("RGB", (inputs["width"], inputs["height"]), rgb)
    return Product((Pictures((blank,) * inputs["batch_size"]),))


def _each(pictures: Pictures, change: Callable[[Picture], Picture]) -> Product:
    return Product((Pictures(tuple(change(picture) for picture in pictures.batch)),))


def _invert(inputs: Inputs, studio: Studio) -> Product:
    return _each(inputs["image"], ImageChops.invert)


def _scale(inputs: Inputs, studio: Studio) -> Product:
    size = _fill_in(inputs["width"], inputs["height"], inputs["image"].size)
    if inputs["crop"] == "center":
        return _each(inputs["image"], lambda picture: ImageOps.fit(picture, size))
    return _each(inputs["image"], lambda picture: picture.resize(size))


def _scale_by(inputs: Inputs, studio: Studio) -> Product:
    return _resized(inputs["image"], inputs["scale_by"])


def _scale_to_pixels(inputs: Inputs, studio: Studio) -> Product:
    width, height = inputs["image"].size
    return _resized(inputs["image"], (inputs["megapixels"] * 1024 * 1024 / width / height) ** 0.5)


def _resized(pictures: Pictures, factor: float) -> Product:
    width, height = (max(round(side * factor), 1) for side in pictures.size)
    return _each(pictures, lambda picture: picture.resize((width, height)))


def upscale_factor(model_name: str) -> int:
    """Read ``4x-UltraSharp`` or ``RealESRGAN_x2plus``; 4 if the name says nothing."""
    match = re.search(r"(\d)x|x(\d)", model_name, re.IGNORECASE)
    return int(match[1] or match[2]) if match else 4


def _upscale(inputs: Inputs, studio: Studio) -> Product:
    factor = upscale_factor(inputs["upscale_model"].name)
    return _each(inputs["image"], lambda picture: studio.painter.enlarge(picture, factor))


def _save(inputs: Inputs, studio: Studio) -> Product:
    pictures: Pictures = inputs["images"]
    label = f"demo · {studio.node_name}"
    files = tuple(
        png_bytes(studio.painter.label(picture, label), studio.chunks) for picture in pictures.batch
    )
    return Product((pictures,), files=files, size=pictures.size)


def _send(inputs: Inputs, studio: Studio) -> Product:
    return replace(_save(inputs, replace(studio, chunks={})), values=())


def _show(inputs: Inputs, studio: Studio) -> Product:
    text = str(inputs["source"])
    return Product((text,), text=(text,))


MAKERS: dict[str, Callable[[Inputs, Studio], Product]] = {
    "CheckpointLoaderSimple": _load_checkpoint,
    "UNETLoader": _load_unet,
    "CLIPLoader": _load_clip,
    "DualCLIPLoader": _load_clip,
    "VAELoader": _load_vae,
    "UpscaleModelLoader": _load_upscaler,
    "LoraLoader": _load_lora,
    "CLIPTextEncode": _encode_text,
    "CLIPSetLastLayer": _pass_clip,
    "ConditioningZeroOut": _zero_out,
    "FluxGuidance": _pass_conditioning,
    "EmptyLatentImage": _empty_latent,
    "EmptySD3LatentImage": _empty_latent,
    "KSampler": _sample,
    "KSamplerAdvanced": _sample,
    "LatentUpscale": _upscale_latent,
    "LatentUpscaleBy": _upscale_latent_by,
    "VAEDecode": _decode,
    "VAEEncode": _encode,
    "LoadImage": _load_image,
    "LoadImageMask": _load_mask,
    "EmptyImage": _empty_image,
    "ImageInvert": _invert,
    "ImageScale": _scale,
    "ImageScaleBy": _scale_by,
    "ImageScaleToTotalPixels": _scale_to_pixels,
    "ImageUpscaleWithModel": _upscale,
    "SaveImage": _save,
    "PreviewImage": _save,
    "SaveImageWebsocket": _send,
    "PreviewAny": _show,
}
