"""Generators of what people, and programs with defects, send."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

FIELDS = (
    "positive_prompt", "negative_prompt", "prompt", "checkpoint_name", "width", "height", "steps",
    "cfg_scale", "sampler_name", "sampler_index", "scheduler", "scheduler_or_quality_preset",
    "seed", "subseed", "num_images", "n_iter", "batch_size", "restore_faces", "enable_hires_fix",
    "enable_hr", "upscaler_model", "hr_upscaler", "hr_scale", "denoising_strength", "hr_prompt",
    "hr_checkpoint_name", "hr_sampler_name", "hr_scheduler", "hr_additional_modules",
    "refiner_model", "refiner_checkpoint", "refiner_switch_at", "override_settings", "styles",
    "alwayson_scripts", "style_preset", "force_task_id", "send_images", "on_missing_model",
    "model_sources", "anything else",
)  # fmt: skip

texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=12) | st.sampled_from(
    ["", " ", "None", "-1", "--5", "+7", "1e3", "0x10", "٣", "\0", "\ud800", "9" * 30, "Euler a"]
)

scalars: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(10**4000)
)

json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

override_settings = st.dictionaries(
    st.sampled_from(["sd_model_checkpoint", "forge_additional_modules", "eta"]), json_values
)

params: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(FIELDS) | texts, json_values | override_settings, max_size=8
)
