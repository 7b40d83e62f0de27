"""The node classes of ComfyUI 0.33.0 that a demo node knows: inputs, ranges, outputs."""

from typing import Any

from farm_app.demo.catalogue import Choice, InputConfig, NodeClass

SAMPLERS = (
    "euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 exp_heun_2_x0 "
    "exp_heun_2_x0_sde dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive dpmpp_2s_ancestral "
    "dpmpp_2s_ancestral_cfg_pp dpmpp_sde dpmpp_sde_gpu dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde "
    "dpmpp_2m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu ddpm "
    "lcm ipndm ipndm_v deis res_multistep res_multistep_cfg_pp res_multistep_ancestral "
    "res_multistep_ancestral_cfg_pp gradient_estimation gradient_estimation_cfg_pp er_sde seeds_2 "
    "seeds_3 sa_solver sa_solver_pece ddim uni_pc uni_pc_bh2"
).split()
SCHEDULERS = (
    "simple sgm_uniform karras exponential ddim_uniform beta normal linear_quadratic kl_optimal"
).split()
CLIP_TYPES = "stable_diffusion stable_cascade sd3 stable_audio mochi ltxv flux lumina2 wan".split()
DUAL_CLIP_TYPES = "sdxl sd3 flux hunyuan_video hidream".split()
LATENT_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"]
IMAGE_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
CROPS = ["disabled", "center"]
ALPHA_CHANNELS = ["alpha", "red", "green", "blue"]


def _int(default: int, low: int, high: int, **options: Any) -> InputConfig:
    return ["INT", {"default": default, "min": low, "max": high, **options}]


def _float(default: float, low: float, high: float, step: float, **options: Any) -> InputConfig:
    return ["FLOAT", {"default": default, "min": low, "max": high, "step": step, **options}]


def _link(kind: str) -> InputConfig:
    return [kind, {}]


def _pick(names: list[str], **options: Any) -> InputConfig:
    return [names, options]


def _seed() -> InputConfig:
    return _int(0, 0, 2**64 - 1, control_after_generate=True)


def _side(default: int, low: int = 16, step: int = 8) -> InputConfig:
    return _int(default, low, 16384, step=step)


_CFG = _float(8.0, 0.0, 100.0, 0.1, round=0.01)
_STRENGTH = _float(1.0, -100.0, 100.0, 0.01)
_PROMPT_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
_SAMPLING = {
    "sampler_name": _pick(SAMPLERS),
    "scheduler": _pick(SCHEDULERS),
    "positive": _link("CONDITIONING"),
    "negative": _link("CONDITIONING"),
    "latent_image": _link("LATENT"),
}
_TEXT: InputConfig = ["STRING", {"multiline": True, "dynamicPrompts": True}]
_DEVICE = _pick(["default", "cpu"], advanced=True)
_DTYPES = ["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"]

_LOADERS = (
    NodeClass(
        "CheckpointLoaderSimple",
        "Load Checkpoint",
        "model/loaders",
        {"ckpt_name": Choice("checkpoints")},
        ("MODEL", "CLIP", "VAE"),
    ),
    NodeClass("VAELoader", "Load VAE", "model/loaders", {"vae_name": Choice("vae")}, ("VAE",)),
    NodeClass(
        "UNETLoader",
        "Load Diffusion Model",
        "model/loaders",
        {"unet_name": Choice("diffusion_models"), "weight_dtype": _pick(_DTYPES, advanced=True)},
        ("MODEL",),
    ),
    NodeClass(
        "CLIPLoader",
        "Load CLIP",
        "model/loaders",
        {"clip_name": Choice("text_encoders"), "type": _pick(CLIP_TYPES)},
        ("CLIP",),
        optional={"device": _DEVICE},
    ),
    NodeClass(
        "DualCLIPLoader",
        "DualCLIPLoader",
        "model/loaders",
        {
            "clip_name1": Choice("text_encoders"),
            "clip_name2": Choice("text_encoders"),
            "type": _pick(DUAL_CLIP_TYPES),
        },
        ("CLIP",),
        optional={"device": _DEVICE},
    ),
    NodeClass(
        "LoraLoader",
        "Load LoRA (Model and CLIP)",
        "model/loaders",
        {
            "model": _link("MODEL"),
            "clip": _link("CLIP"),
            "lora_name": Choice("loras"),
            "strength_model": _STRENGTH,
            "strength_clip": _STRENGTH,
        },
        ("MODEL", "CLIP"),
    ),
    NodeClass(
        "UpscaleModelLoader",
        "Load Upscale Model",
        "model/loaders",
        {"model_name": Choice("upscale_models", {"multiselect": False})},
        ("UPSCALE_MODEL",),
        v3=True,
        module="comfy_extras.nodes_upscale_model",
    ),
)

_CONDITIONING = (
    NodeClass(
        "CLIPTextEncode",
        "CLIP Text Encode (Prompt)",
        "model/conditioning",
        {"text": _TEXT, "clip": _link("CLIP")},
        ("CONDITIONING",),
    ),
    NodeClass(
        "CLIPSetLastLayer",
        "CLIP Set Last Layer",
        "model/conditioning",
        {"clip": _link("CLIP"), "stop_at_clip_layer": _int(-1, -24, -1, step=1)},
        ("CLIP",),
    ),
    NodeClass(
        "ConditioningZeroOut",
        "ConditioningZeroOut",
        "model/conditioning",
        {"conditioning": _link("CONDITIONING")},
        ("CONDITIONING",),
    ),
    NodeClass(
        "FluxGuidance",
        "FluxGuidance",
        "model/conditioning/flux",
        {"conditioning": _link("CONDITIONING"), "guidance": _float(3.5, 0.0, 100.0, 0.1)},
        ("CONDITIONING",),
        v3=True,
        module="comfy_extras.nodes_flux",
    ),
)

_LATENTS = (
    NodeClass(
        "EmptyLatentImage",
        "Empty Latent Image",
        "model/latent",
        {"width": _side(512), "height": _side(512), "batch_size": _int(1, 1, 4096)},
        ("LATENT",),
    ),
    NodeClass(
        "EmptySD3LatentImage",
        "EmptySD3LatentImage",
        "model/latent/sd3",
        {
            "width": _side(1024, step=16),
            "height": _side(1024, step=16),
            "batch_size": _int(1, 1, 4096),
        },
        ("LATENT",),
        v3=True,
        module="comfy_extras.nodes_sd3",
    ),
    NodeClass(
        "LatentUpscale",
        "Upscale Latent",
        "model/latent",
        {
            "samples": _link("LATENT"),
            "upscale_method": _pick(LATENT_METHODS),
            "width": _side(512, 0),
            "height": _side(512, 0),
            "crop": _pick(CROPS),
        },
        ("LATENT",),
    ),
    NodeClass(
        "LatentUpscaleBy",
        "Upscale Latent By",
        "model/latent",
        {
            "samples": _link("LATENT"),
            "upscale_method": _pick(LATENT_METHODS),
            "scale_by": _float(1.5, 0.01, 8.0, 0.01),
        },
        ("LATENT",),
    ),
    NodeClass(
        "VAEDecode",
        "VAE Decode",
        "model/latent",
        {"samples": _link("LATENT"), "vae": _link("VAE")},
        ("IMAGE",),
    ),
    NodeClass(
        "VAEEncode",
        "VAE Encode",
        "model/latent",
        {"pixels": _link("IMAGE"), "vae": _link("VAE")},
        ("LATENT",),
    ),
)

_SAMPLERS = (
    NodeClass(
        "KSampler",
        "KSampler",
        "model/sampling",
        {
            "model": _link("MODEL"),
            "seed": _seed(),
            "steps": _int(20, 1, 10000),
            "cfg": _CFG,
            **_SAMPLING,
            "denoise": _float(1.0, 0.0, 1.0, 0.01),
        },
        ("LATENT",),
    ),
    NodeClass(
        "KSamplerAdvanced",
        "KSampler (Advanced)",
        "model/sampling",
        {
            "model": _link("MODEL"),
            "add_noise": _pick(["enable", "disable"]),
            "noise_seed": _seed(),
            "steps": _int(20, 1, 10000),
            "cfg": _CFG,
            **_SAMPLING,
            "start_at_step": _int(0, 0, 10000),
            "end_at_step": _int(10000, 0, 10000),
            "return_with_leftover_noise": _pick(["disable", "enable"]),
        },
        ("LATENT",),
    ),
)

_IMAGES = (
    NodeClass(
        "LoadImage",
        "Load Image",
        "image",
        {"image": Choice("input files", {"image_upload": True})},
        ("IMAGE", "MASK"),
    ),
    NodeClass(
        "LoadImageMask",
        "Load Image (as Mask)",
        "image/mask",
        {
            "image": Choice("input files", {"image_upload": True}),
            "channel": _pick(ALPHA_CHANNELS),
        },
        ("MASK",),
    ),
    NodeClass(
        "EmptyImage",
        "EmptyImage",
        "image",
        {
            "width": _side(512, 1, 1),
            "height": _side(512, 1, 1),
            "batch_size": _int(1, 1, 4096),
            "color": _int(0, 0, 0xFFFFFF, step=1, display="color"),
        },
        ("IMAGE",),
    ),
    NodeClass("ImageInvert", "Invert Image", "image", {"image": _link("IMAGE")}, ("IMAGE",)),
    NodeClass(
        "ImageScale",
        "Upscale Image",
        "image/upscaling",
        {
            "image": _link("IMAGE"),
            "upscale_method": _pick(IMAGE_METHODS),
            "width": _side(512, 0, 1),
            "height": _side(512, 0, 1),
            "crop": _pick(CROPS),
        },
        ("IMAGE",),
    ),
    NodeClass(
        "ImageScaleBy",
        "Upscale Image By",
        "image/upscaling",
        {
            "image": _link("IMAGE"),
            "upscale_method": _pick(IMAGE_METHODS),
            "scale_by": _float(1.0, 0.01, 8.0, 0.01),
        },
        ("IMAGE",),
    ),
    NodeClass(
        "ImageScaleToTotalPixels",
        "Scale Image to Total Pixels",
        "image/upscaling",
        {
            "image": _link("IMAGE"),
            "upscale_method": _pick(IMAGE_METHODS),
            "megapixels": _float(1.0, 0.01, 16.0, 0.01),
        },
        ("IMAGE",),
        v3=True,
        module="comfy_extras.nodes_post_processing",
    ),
    NodeClass(
        "ImageUpscaleWithModel",
        "Upscale Image (using Model)",
        "image/upscaling",
        {"upscale_model": _link("UPSCALE_MODEL"), "image": _link("IMAGE")},
        ("IMAGE",),
        v3=True,
        module="comfy_extras.nodes_upscale_model",
    ),
)

_OUTPUTS = (
    NodeClass(
        "SaveImage",
        "Save Image",
        "image",
        {"images": _link("IMAGE"), "filename_prefix": ["STRING", {"default": "ComfyUI"}]},
        ("IMAGE",),
        hidden=_PROMPT_HIDDEN,
        output_names=("images",),
        is_output=True,
    ),
    NodeClass(
        "PreviewImage",
        "Preview Image",
        "image",
        {"images": _link("IMAGE")},
        ("IMAGE",),
        hidden=_PROMPT_HIDDEN,
        output_names=("images",),
        is_output=True,
    ),
    NodeClass(
        "SaveImageWebsocket",
        "SaveImageWebsocket",
        "api/image",
        {"images": _link("IMAGE")},
        is_output=True,
        module="custom_nodes.websocket_image_save",
    ),
    NodeClass(
        "PreviewAny",
        "Preview as Text",
        "utils",
        {"source": _link("*")},
        ("STRING",),
        is_output=True,
        module="comfy_extras.nodes_preview_any",
    ),
)

CLASSES: dict[str, NodeClass] = {
    node.name: node
    for node in (*_LOADERS, *_CONDITIONING, *_LATENTS, *_SAMPLERS, *_IMAGES, *_OUTPUTS)
}

SAMPLER_CLASSES = ("KSampler", "KSamplerAdvanced")
IMAGE_LOADERS = ("LoadImage", "LoadImageMask")
