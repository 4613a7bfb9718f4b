"""What a JSON body must look like, with FastAPI's words for one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from stablequeue_core.testing.forge_simulator.exchange import Refusal

_LINK = "https://errors.pydantic.dev/2.8/v/"
_TRUE = {"true", "1", "yes", "on", "t", "y"}
_FALSE = {"false", "0", "no", "off", "f", "n"}


class _Wrong(Exception):
    """A value of the wrong type."""

    def __init__(self, kind: str, message: str, value: object, index: int | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = message
        self.value = value
        self.index = index


def _integer(value: Any) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if value.is_integer():
            return int(value)
        raise _Wrong(
            "int_from_float",
            "Input should be a valid integer, got a number with a fractional part",
            value,
        )
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise _Wrong(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
                value,
            ) from None
    raise _Wrong("int_type", "Input should be a valid integer", value)


def _number(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise _Wrong(
                "float_parsing",
                "Input should be a valid number, unable to parse string as a number",
                value,
            ) from None
    raise _Wrong("float_type", "Input should be a valid number", value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, int | str) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    if isinstance(value, int | str):
        raise _Wrong(
            "bool_parsing", "Input should be a valid boolean, unable to interpret input", value
        )
    raise _Wrong("bool_type", "Input should be a valid boolean", value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _Wrong("string_type", "Input should be a valid string", value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _Wrong("list_type", "Input should be a valid list", value)


def _texts(value: Any) -> list[str]:
    for index, item in enumerate(_list(value)):
        if not isinstance(item, str):
            raise _Wrong("string_type", "Input should be a valid string", item, index)
    return list(value)


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _Wrong("dict_type", "Input should be a valid dictionary", value)


@frozen
class _Field:
    read: Callable[[Any], Any]
    default: Any = None
    nullable: bool = True


TXT2IMG: Mapping[str, _Field] = {
    "prompt": _Field(_text, ""),
    "negative_prompt": _Field(_text, ""),
    "styles": _Field(_texts),
    "seed": _Field(_integer, -1),
    "subseed": _Field(_integer, -1),
    "subseed_strength": _Field(_number, 0),
    "seed_resize_from_h": _Field(_integer, -1),
    "seed_resize_from_w": _Field(_integer, -1),
    "sampler_name": _Field(_text),
    "scheduler": _Field(_text),
    "batch_size": _Field(_integer, 1),
    "n_iter": _Field(_integer, 1),
    "steps": _Field(_integer, 50),
    "cfg_scale": _Field(_number, 7.0),
    "distilled_cfg_scale": _Field(_number, 3.5),
    "width": _Field(_integer, 512),
    "height": _Field(_integer, 512),
    "restore_faces": _Field(_flag),
    "tiling": _Field(_flag),
    "do_not_save_samples": _Field(_flag, False),
    "do_not_save_grid": _Field(_flag, False),
    "eta": _Field(_number),
    "denoising_strength": _Field(_number),
    "s_min_uncond": _Field(_number),
    "s_churn": _Field(_number),
    "s_tmax": _Field(_number),
    "s_tmin": _Field(_number),
    "s_noise": _Field(_number),
    "override_settings": _Field(_mapping),
    "override_settings_restore_afterwards": _Field(_flag, True),
    "refiner_checkpoint": _Field(_text),
    "refiner_switch_at": _Field(_number),
    "disable_extra_networks": _Field(_flag, False),
    "firstpass_image": _Field(_text),
    "comments": _Field(_mapping),
    "enable_hr": _Field(_flag, False),
    "firstphase_width": _Field(_integer, 0),
    "firstphase_height": _Field(_integer, 0),
    "hr_scale": _Field(_number, 2.0),
    "hr_upscaler": _Field(_text),
    "hr_second_pass_steps": _Field(_integer, 0),
    "hr_resize_x": _Field(_integer, 0),
    "hr_resize_y": _Field(_integer, 0),
    "hr_checkpoint_name": _Field(_text),
    "hr_additional_modules": _Field(_list),
    "hr_sampler_name": _Field(_text),
    "hr_scheduler": _Field(_text),
    "hr_prompt": _Field(_text, ""),
    "hr_negative_prompt": _Field(_text, ""),
    "hr_cfg": _Field(_number, 1.0),
    "hr_distilled_cfg": _Field(_number, 3.5),
    "force_task_id": _Field(_text),
    "sampler_index": _Field(_text, "Euler", nullable=False),
    "script_name": _Field(_text),
    "script_args": _Field(_list, [], nullable=False),
    "send_images": _Field(_flag, True, nullable=False),
    "save_images": _Field(_flag, False, nullable=False),
    "alwayson_scripts": _Field(_mapping, {}, nullable=False),
    "infotext": _Field(_text),
}

PROGRESS: Mapping[str, _Field] = {
    "id_task": _Field(_text, nullable=False),
    "id_live_preview": _Field(_integer, -1, nullable=False),
    "live_preview": _Field(_flag, True, nullable=False),
}


def _problem(kind: str, where: list[Any], message: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "loc": where, "msg": message, "input": value, "url": _LINK + kind}


def parse_json(body: bytes) -> Any:
    """The JSON in ``body``.

    Raises:
        Refusal: 422, there is none.
    """
    if not body:
        raise Refusal(422, [_problem("missing", ["body"], "Field required", None)])
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        problem = {
            "type": "json_invalid",
            "loc": ["body", error.pos],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.msg},
        }
        raise Refusal(422, [problem]) from error


def read_fields(body: bytes, fields: Mapping[str, _Field]) -> dict[str, Any]:
    """Every one of ``fields``, from the JSON object in ``body`` or from its default.

    Keys that are no field are ignored silently; ``"2"`` passes for a number.

    Raises:
        Refusal: 422, with one entry for each wrong field.
    """
    sent = parse_json(body)
    if not isinstance(sent, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise Refusal(422, [_problem("model_attributes_type", ["body"], message, sent)])
    values: dict[str, Any] = {}
    problems = []
    for name, field in fields.items():
        if name not in sent:
            values[name] = field.default
            continue
        value = sent[name]
        if value is None and field.nullable:
            values[name] = None
            continue
        try:
            values[name] = field.read(value)
        except _Wrong as wrong:
            where = ["body", name] + ([] if wrong.index is None else [wrong.index])
            problems.append(_problem(wrong.kind, where, wrong.message, wrong.value))
    if problems:
        raise Refusal(422, problems)
    return values


def read_mapping(body: bytes) -> dict[str, Any]:
    """A body that is any JSON object.

    Raises:
        Refusal: 422, it is none.
    """
    sent = parse_json(body)
    try:
        return _mapping(sent)
    except _Wrong as wrong:
        problem = _problem(wrong.kind, ["body"], wrong.message, sent)
        raise Refusal(422, [problem]) from None
