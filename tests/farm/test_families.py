from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm_app.families import FAMILIES, Family, guess, model_key

# File names as the model sites give them to people, without the extension.
NAMES = [
    ("v1-5-pruned-emaonly", "sd15"),
    ("v1-5-pruned", "sd15"),
    ("v1-5-pruned-emaonly-fp16", "sd15"),
    ("sd-v1-4", "sd15"),
    ("sd_v1.5", "sd15"),
    ("stable-diffusion-v1-5", "sd15"),
    ("dreamshaper_8", "sd15"),
    ("DreamShaper_8_pruned", "sd15"),
    ("realisticVisionV51_v51VAE", "sd15"),
    ("realisticVisionV60B1_v51HyperVAE", "sd15"),
    ("deliberate_v2", "sd15"),
    ("revAnimated_v122", "sd15"),
    ("majicmixRealistic_v7", "sd15"),
    ("epicrealism_naturalSinRC1VAE", "sd15"),
    ("absolutereality_v181", "sd15"),
    ("cyberrealistic_v33", "sd15"),
    ("anything-v5-PrtRE", "sd15"),
    ("Anything-V3.0", "sd15"),
    ("Counterfeit-V3.0_fp16", "sd15"),
    ("meinamix_meinaV11", "sd15"),
    ("chilloutmix_NiPrunedFp32Fix", "sd15"),
    ("rpg_v5", "sd15"),
    ("toonyou_beta6", "sd15"),
    ("ghostmix_v20Bakedvae", "sd15"),
    ("AOM3A1B_orangemixs", "sd15"),
    ("openjourney-v4", "sd15"),
    ("juggernaut_reborn", "sd15"),
    ("icbinpICantBelieveIts_seco", "sd15"),
    ("photon_v1", "sd15"),
    ("sd_xl_base_1.0", "sdxl"),
    ("sd_xl_base_1.0_0.9vae", "sdxl"),
    ("sdxl_base", "sdxl"),
    ("juggernautXL_v9Rundiffusionphoto2", "sdxl"),
    ("juggernautXL_v9", "sdxl"),
    ("juggernautXL_ragnarokBy", "sdxl"),
    ("Juggernaut-XL_v9_RunDiffusionPhoto_v2", "sdxl"),
    ("RealVisXL_V4.0", "sdxl"),
    ("realvisxlV50_v50Bakedvae", "sdxl"),
    ("DreamShaperXL_Turbo_v2_1", "sdxl"),
    ("dreamshaperXL_alpha2Xl10", "sdxl"),
    ("dreamshaperXL_lightningDPMSDE", "sdxl"),
    ("sd_xl_turbo_1.0_fp16", "sdxl"),
    ("sdxl_lightning_4step", "sdxl"),
    ("animagine-xl-3.1", "sdxl"),
    ("animagineXL40_v4Opt", "sdxl"),
    ("zavychromaxl_v80", "sdxl"),
    ("albedobaseXL_v21", "sdxl"),
    ("copaxTimelessxl_v12", "sdxl"),
    ("leosamsHelloworldXL_helloworldXL70", "sdxl"),
    ("sdxlUnstableDiffusers_nihilmania", "sdxl"),
    ("crystalClearXL_ccxl", "sdxl"),
    ("cyberrealisticXL_v5", "sdxl"),
    ("epicrealismXL_vxviLastfameRealism", "sdxl"),
    ("CounterfeitXL_v25", "sdxl"),
    ("playground-v2.5-1024px-aesthetic.fp16", "sdxl"),
    ("ponyDiffusionV6XL_v6StartWithThisOne", "pony"),
    ("ponyDiffusionV6XL", "pony"),
    ("autismmixSDXL_autismmixConfetti", "pony"),
    ("ponyRealism_V22", "pony"),
    ("cyberrealisticPony_v8", "pony"),
    ("tPonynai3_v7", "pony"),
    ("waiREALCN_v14", None),
    ("everclearPNYByZovya_v3VAE", "pony"),
    ("prefectPonyXL_v50", "pony"),
    ("hassakuXLPony_v13", "pony"),
    ("realDream_sdxlPony15", "pony"),
    ("Illustrious-XL-v2.0", "illustrious"),
    ("illustriousXL_v01", "illustrious"),
    ("noobaiXLNAIXL_vPred10Version", "illustrious"),
    ("noobaiXL", "illustrious"),
    ("NoobAI-XL-v1.1", "illustrious"),
    ("waiNSFWIllustrious_v140", "illustrious"),
    ("waiIllustriousSDXL_v150", "illustrious"),
    ("hassakuXLIllustrious_v21fix", "illustrious"),
    ("novaAnimeXL_ilV5b", "illustrious"),
    ("ntrMIXIllustriousXL_xiii", "illustrious"),
    ("obsessionIllustrious_vPredV11", "illustrious"),
    ("prefectIllustriousXL_v3", "illustrious"),
    ("waiANINSFWPONYXL_v130", "pony"),
    ("mistoonAnime_v10Illustrious", "illustrious"),
    ("flux1-dev-fp8", "flux"),
    ("flux1-schnell-fp8", "flux"),
    ("flux1-dev", "flux"),
    ("flux_dev_fp8_e4m3fn", "flux"),
    ("FLUX.1-dev", "flux"),
    ("fluxmania_V", "flux"),
    ("STOIQONewreality_FLUXF1DAlpha", "flux"),
    ("jibMixFlux_v8", "flux"),
    ("getphatFLUXReality_v5", "flux"),
    ("sd_xl_refiner_1.0", None),
    ("sd-v1-5-inpainting", None),
    ("512-inpainting-ema", None),
    ("juggernautXL_versionXInpaint", None),
    ("v2-1_768-ema-pruned", None),
    ("sd3_medium_incl_clips_t5xxlfp8", None),
    ("sd3.5_large_fp8_scaled", None),
    ("flux2-dev", None),
    ("flux-2-klein-4b", None),
    ("flux1-kontext-dev", None),
    ("flux1-fill-dev", None),
    ("svd_xt_1_1", None),
    ("wan2.1_t2v_1.3B", None),
    ("qwen_image_fp8_e4m3fn", None),
    ("mymodel", None),
    ("4x-UltraSharp", None),
    ("hunyuan_video_t2v_720p", None),
    ("mini-sd15", "sd15"),
    ("foxlight_v1", None),
    ("realvisXL_v2.0_bakedvae", "sdxl"),
    ("explorationXL_v1", "sdxl"),
    ("emotionXL", "sdxl"),
    ("zavychromaxl_v10", "sdxl"),
    ("chroma-unlocked-v50", None),
    ("z_image_turbo_bf16", None),
]


@pytest.mark.parametrize(("name", "family"), NAMES)
def test_the_family_is_guessed_from_the_file_name(name: str, family: str | None) -> None:
    assert guess(f"{name}.safetensors") == family


@pytest.mark.parametrize(("name", "family"), NAMES)
def test_neither_case_nor_folder_nor_ending_changes_the_guess(
    name: str, family: str | None
) -> None:
    spellings = (
        name.upper() + ".CKPT",
        f"flux/pony/{name}.sft",
        f"SDXL\\Mixes\\{name}",
        name.lower(),
    )
    assert {guess(spelling) for spelling in spellings} == {family}


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_name_has_a_family_or_none(name: str) -> None:
    assert guess(name) in {None, *FAMILIES}
    assert guess(f"a/b/{name}") == guess(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SDXL\\JuggernautXL_v9.safetensors", "sdxl/juggernautxl_V9.safetensors"),
        ("a/b/c.ckpt", "c.ckpt"),
        ("e\u0301te\u0301.safetensors", "\u00e9t\u00e9.safetensors"),
    ],
)
def test_one_model_has_one_key_on_all_nodes(one: str, other: str) -> None:
    assert model_key(one) == model_key(other)


def test_other_files_have_other_keys() -> None:
    assert model_key("a.safetensors") != model_key("a.ckpt")


@settings(deadline=None)
@given(st.text())
def test_a_key_is_its_own_key(name: str) -> None:
    assert model_key(model_key(name)) == model_key(name)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_facts_of_a_family_are_sound(family: Family) -> None:
    assert FAMILIES[family.id] is family
    assert family.sizes[0][:2] == family.native
    for width, height, label in family.sizes:
        assert width % 8 == height % 8 == 0, label
        area = width * height / (family.native[0] * family.native[1])
        assert 0.9 < area < 1.6, label
    for pattern in family.patterns:
        re.compile(pattern)
    assert family.supports_negative == (family.cfg > 1.0)
