"""What a run has made, and the three parts of the answer that tells of it."""

from __future__ import annotations

import base64
import json
from typing import Any

from attrs import define, field
from PIL import Image

from stablequeue_core.testing.forge_simulator.exchange import Refusal
from stablequeue_core.testing.forge_simulator.infotext import infotext
from stablequeue_core.testing.forge_simulator.names import Checkpoint
from stablequeue_core.testing.forge_simulator.options import ForgeOptions
from stablequeue_core.testing.forge_simulator.pictures import encode_jpeg, encode_png, encode_webp
from stablequeue_core.testing.forge_simulator.recorded import VERSION


@define(kw_only=True)
class Processed:
    """The pictures of one run, their infotexts, and what ``info`` says about them.

    Attributes:
        scheduler: the label that the request led to, ``Automatic`` included.
        extra_params: what grew during the run: LoRA hashes, the second pass, the schedule.
    """

    fields: dict[str, Any]
    model: Checkpoint
    sampler: str
    scheduler: str
    seed: int
    subseed: int
    clip_skip: int
    modules: list[str]
    timestamp: str
    images: list[Image.Image] = field(factory=list)
    infotexts: list[str] = field(factory=list)
    extra_params: dict[str, Any] = field(factory=dict)
    index_of_first_image: int = 0

    @property
    def _count(self) -> int:
        return int(self.fields["n_iter"] * self.fields["batch_size"])

    @property
    def seeds(self) -> list[int]:
        """The seed of every picture that was asked for."""
        varies = not self.fields["subseed_strength"]
        return [self.seed + (number if varies else 0) for number in range(self._count)]

    @property
    def subseeds(self) -> list[int]:
        """The variation seed of every picture that was asked for."""
        return [self.subseed + number for number in range(self._count)]

    def add(self, picture: Image.Image, number: int) -> None:
        """One more picture, the ``number``-th of those that were asked for."""
        self.images.append(picture)
        self.infotexts.append(self._infotext(number))

    def complete(self) -> None:
        """A run without pictures still has one infotext."""
        if not self.infotexts:
            self.infotexts.append(self._infotext(0))

    def prepend_grid(self, picture: Image.Image) -> None:
        """Put the grid before the pictures, with the infotext of the first."""
        self.images.insert(0, picture)
        self.infotexts.insert(0, self._infotext(0))
        self.index_of_first_image = 1

    def encoded(self, options: ForgeOptions, picture_bytes: int) -> list[str]:
        """The pictures in the format that the options say *now*, after the job's own were undone.

        Raises:
            Refusal: 500, the format is none of Forge's.
        """
        wanted = str(options["samples_format"]).lower()
        pictures = zip(self.images, self.infotexts, strict=False)
        if wanted == "png":
            encoded = [encode_png(picture, text, picture_bytes) for picture, text in pictures]
        elif wanted in ("jpg", "jpeg"):
            quality = options.number("jpeg_quality")
            encoded = [encode_jpeg(picture, text, quality) for picture, text in pictures]
        elif wanted == "webp":
            quality, lossless = options.number("jpeg_quality"), bool(options["webp_lossless"])
            encoded = [encode_webp(picture, text, quality, lossless) for picture, text in pictures]
        else:
            raise Refusal(500, "Invalid image format")
        return [base64.b64encode(picture).decode("ascii") for picture in encoded]

    def info(self) -> str:
        """The JSON text in ``info``."""
        fields = self.fields
        prompt, negative_prompt = fields["prompt"], fields["negative_prompt"] or ""
        return json.dumps(
            {
                "prompt": prompt,
                "all_prompts": [prompt] * self._count,
                "negative_prompt": negative_prompt,
                "all_negative_prompts": [negative_prompt] * self._count,
                "seed": self.seed,
                "all_seeds": self.seeds,
                "subseed": self.subseed,
                "all_subseeds": self.subseeds,
                "subseed_strength": fields["subseed_strength"],
                "width": fields["width"],
                "height": fields["height"],
                "sampler_name": self.sampler,
                "cfg_scale": fields["cfg_scale"],
                "steps": fields["steps"],
                "batch_size": fields["batch_size"],
                "restore_faces": bool(fields["restore_faces"]),
                "face_restoration_model": "CodeFormer" if fields["restore_faces"] else None,
                "sd_model_name": self.model.stem,
                "sd_model_hash": self.model.short_hash,
                "sd_vae_name": None,
                "sd_vae_hash": None,
                "seed_resize_from_w": fields["seed_resize_from_w"],
                "seed_resize_from_h": fields["seed_resize_from_h"],
                "denoising_strength": fields["denoising_strength"],
                "extra_generation_params": self.extra_params,
                "index_of_first_image": self.index_of_first_image,
                "infotexts": self.infotexts,
                "styles": fields["styles"] or [],
                "job_timestamp": self.timestamp,
                "clip_skip": self.clip_skip,
                "is_using_inpainting_conditioning": False,
                "version": VERSION,
            },
            ensure_ascii=False,
        )

    def _infotext(self, number: int) -> str:
        fields, model = self.fields, self.model
        strength = fields["subseed_strength"]
        params: dict[str, Any] = {
            "Steps": fields["steps"],
            "Sampler": self.sampler,
            "Schedule type": self.scheduler,
            "CFG scale": fields["cfg_scale"],
            "Distilled CFG Scale": fields["distilled_cfg_scale"] if model.distilled else None,
            "Seed": self.seeds[number],
            "Face restoration": "CodeFormer" if fields["restore_faces"] else None,
            "Size": f"{fields['width']}x{fields['height']}",
            "Model hash": model.short_hash,
            "Model": model.stem,
            "Variation seed": self.subseeds[number] if strength else None,
            "Variation seed strength": strength or None,
            "Denoising strength": self.extra_params.get("Denoising strength"),
            "Clip skip": self.clip_skip if self.clip_skip > 1 else None,
            "Tiling": "True" if fields["tiling"] else None,
            **self.extra_params,
            "Version": VERSION,
        }
        if fields["enable_hr"]:
            for key, name in (
                ("Hires prompt", "prompt"),
                ("Hires negative prompt", "negative_prompt"),
            ):
                other = fields[f"hr_{name}"]
                params[key] = other if other and other != fields[name] else None
        params |= {f"Module {place}": name for place, name in enumerate(self.modules, start=1)}
        return infotext(fields["prompt"], fields["negative_prompt"] or "", params)
