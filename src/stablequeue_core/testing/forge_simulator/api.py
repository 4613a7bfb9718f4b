"""What the routes of a Forge do."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from stablequeue_core.testing.forge_simulator.bodies import (
    PROGRESS,
    TXT2IMG,
    read_fields,
    read_mapping,
)
from stablequeue_core.testing.forge_simulator.disk import ForgeDisk
from stablequeue_core.testing.forge_simulator.engine import Engine
from stablequeue_core.testing.forge_simulator.exchange import (
    Answer,
    JobError,
    Refusal,
    json_answer,
)
from stablequeue_core.testing.forge_simulator.pictures import encode_png, fingerprint, paint
from stablequeue_core.testing.forge_simulator.recorded import recorded
from stablequeue_core.testing.forge_simulator.routes import (
    TXT2IMG_PATH,
    Part,
    Phase,
    Route,
    Visit,
    fixed,
    shown,
)
from stablequeue_core.testing.forge_simulator.studio import Studio
from stablequeue_core.testing.forge_simulator.txt2img import Txt2ImgRun

_PREVIEW_PIXELS = 64
_CONFIG = {"version": "4.40.0", "mode": "blocks", "title": "Stable Diffusion", "dependencies": []}
_PAGE = Answer(
    body=b"<!doctype html><html><head><title>Stable Diffusion</title></head></html>",
    content_type="text/html; charset=utf-8",
)


@define(kw_only=True)
class Api:
    """The handlers of one server.

    Attributes:
        picture_bytes: PNGs are padded to this size.
        extensions: names of always-on scripts that are installed besides the stock ones.
        port: what ``GET /sdapi/v1/cmd-flags`` fails to show.
    """

    engine: Engine
    studio: Studio
    disk: ForgeDisk
    picture_bytes: int
    extensions: frozenset[str]
    port: int = 7860

    def routes(self) -> Mapping[str, Route]:
        """Every route, by its path."""
        studio = self.studio
        lists = {
            "sd-models": shown(studio.checkpoints.as_json),
            "sd-modules": shown(studio.modules.as_json),
            "samplers": fixed(recorded("samplers")),
            "schedulers": fixed(recorded("schedulers")),
            "upscalers": fixed(recorded("upscalers")),
            "scripts": fixed(recorded("scripts")),
            "script-info": fixed(recorded("script_info")),
            "embeddings": self._embeddings,
            "memory": shown(studio.memory.as_json),
            "cmd-flags": shown(self._cmd_flags),
            "progress": self._progress,
        }
        actions = {
            "interrupt": self._interrupt,
            "skip": self._skip,
            "refresh-checkpoints": self._in_turn(studio.checkpoints.refresh),
            "refresh-vae": self._in_turn(studio.modules.refresh),
            "unload-checkpoint": self._unload,
            "reload-checkpoint": fixed({}),
        }
        options = {"GET": shown(studio.options.as_json), "POST": self._set_options}
        return {
            **{f"/sdapi/v1/{name}": Route(Part.API, {"GET": do}) for name, do in lists.items()},
            **{f"/sdapi/v1/{name}": Route(Part.API, {"POST": do}) for name, do in actions.items()},
            TXT2IMG_PATH: Route(Part.API, {"POST": self._txt2img}),
            "/sdapi/v1/options": Route(Part.API, options),
            "/sdapi/v1/loras": Route(Part.EXTENSION, {"GET": shown(studio.loras.as_json)}),
            "/sdapi/v1/refresh-loras": Route(Part.EXTENSION, {"POST": self._refresh_loras}),
            "/internal/progress": Route(Part.INTERNAL, {"POST": self._task_progress}),
            "/internal/pending-tasks": Route(Part.INTERNAL, {"GET": shown(self._pending)}),
            "/internal/ping": Route(Part.INTERNAL, {"GET": fixed({})}),
            "/config": Route(Part.PAGE, {"GET": fixed(_CONFIG)}),
            "/": Route(Part.PAGE, {"GET": lambda visit: _PAGE, "HEAD": lambda visit: _PAGE}),
        }

    def _txt2img(self, visit: Visit) -> Answer:
        fields = read_fields(visit.incoming.body, TXT2IMG)
        self._check_scripts(fields)
        engine, studio = self.engine, self.studio
        task_id = fields["force_task_id"] or f"task(txt2img-{studio.dice.getrandbits(32):08X})"
        with (
            engine.turn(visit.life, task_id),
            engine.job("scripts_txt2img", task_id, visit.life) as job,
        ):
            run = Txt2ImgRun(studio, fields, task_id=task_id, job=job, fault=visit.fault)
            processed = run.process()
        # Encoded after the lock was given back and the options were restored, as Forge does.
        images = processed.encoded(studio.options, self.picture_bytes)
        return json_answer(
            {
                "images": images if fields["send_images"] else [],
                "parameters": fields,
                "info": processed.info(),
            }
        )

    def _check_scripts(self, fields: Mapping[str, Any]) -> None:
        stock = {one["name"]: one["is_alwayson"] for one in recorded("script_info")}
        name = fields["script_name"]
        if name and stock.get(name.lower(), True):
            raise Refusal(422, f"Script '{name}' not found")
        for name in fields["alwayson_scripts"]:
            always_on = name.lower() in self.extensions or stock.get(name.lower())
            if always_on is None:
                raise Refusal(422, f"Script '{name}' not found")
            if not always_on:
                raise Refusal(
                    422, "Cannot have a selectable script in the always on scripts params"
                )

    def _progress(self, visit: Visit) -> Answer:
        state = self.engine.state
        with self.engine.changed:
            self._look()
            skip = visit.incoming.query.get("skip_current_image", "false").lower() == "true"
            image = None if skip else state.preview
            return json_answer(state.as_json(self.engine.clock.monotonic(), image))

    def _task_progress(self, visit: Visit) -> Answer:
        asked = read_fields(visit.incoming.body, PROGRESS)
        engine, state = self.engine, self.engine.state
        with engine.changed:
            answer = engine.tasks.status(asked["id_task"])
            if not answer["active"]:
                return json_answer(answer)
            if state.started_at is None:
                raise JobError(
                    "TypeError", "unsupported operand type(s) for -: 'float' and 'NoneType'"
                )
            fraction = state.fraction()
            answer |= {
                "progress": fraction,
                "eta": state.eta(fraction, engine.clock.monotonic()),
                "id_live_preview": asked["id_live_preview"],
                "textinfo": None,
            }
            if asked["live_preview"]:
                self._look()
                if state.preview is not None and state.previews != asked["id_live_preview"]:
                    answer["live_preview"] = f"data:image/png;base64,{state.preview}"
                    answer["id_live_preview"] = state.previews
            return json_answer(answer)

    def _look(self) -> None:
        if self.studio.options["live_previews_enable"]:
            self.engine.state.look(_preview)

    def _pending(self) -> dict[str, Any]:
        with self.engine.changed:
            waiting = list(self.engine.tasks.pending)
        return {"size": len(waiting), "tasks": waiting}

    def _interrupt(self, visit: Visit) -> Answer:
        self.engine.interrupt()
        return json_answer({})

    def _skip(self, visit: Visit) -> Answer:
        self.engine.skip()
        return json_answer(None)

    def _unload(self, visit: Visit) -> Answer:
        with self.engine.changed:
            self.studio.memory.unload()
        return json_answer({})

    def _in_turn(self, refresh: Callable[[], None]) -> Callable[[Visit], Answer]:
        def handler(visit: Visit) -> Answer:
            with self.engine.turn(visit.life):
                refresh()
            return json_answer(None)

        return handler

    def _refresh_loras(self, visit: Visit) -> Answer:
        self.studio.loras.refresh()
        return json_answer(None)

    def _set_options(self, visit: Visit) -> Answer:
        values = read_mapping(visit.incoming.body)
        checkpoint = values.get("sd_model_checkpoint")
        if checkpoint is not None and self.studio.checkpoints.find(checkpoint) is None:
            raise JobError("RuntimeError", f"model {checkpoint!r} not found")
        self.studio.set_options(values)
        self.studio.options.save()
        return json_answer(None)

    def _embeddings(self, visit: Visit) -> Answer:
        if visit.phase is Phase.PARTIAL:
            raise JobError("AttributeError", "'Api' object has no attribute 'embedding_db'")
        unknown = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None}
        loaded = {
            one.name: {**unknown, "shape": one.shape, "vectors": one.vectors}
            for one in self.disk.embeddings()
        }
        return json_answer({"loaded": loaded, "skipped": {}})

    def _cmd_flags(self) -> Any:
        problem = {
            "type": "string_type",
            "loc": ("response", "port"),
            "msg": "Input should be a valid string",
            "input": self.port,
            "url": "https://errors.pydantic.dev/2.8/v/string_type",
        }
        raise JobError(
            "ResponseValidationError",
            f"1 validation errors:\n  {problem}\n",
            {"api": True, "listen": False, "port": self.port, "max_batch_count": 16},
        )


def _preview(number: int) -> str:
    picture = paint(fingerprint(number), _PREVIEW_PIXELS, _PREVIEW_PIXELS, finished=False)
    return base64.b64encode(encode_png(picture, "")).decode("ascii")
