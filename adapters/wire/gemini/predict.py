"""Imagen and Veo: `POST .../models/{model}:predict` and `:predictLongRunning`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content, items, word
from guardrail.adapters.wire.gemini.dialect import DIALECT
from guardrail.adapters.wire.gemini.generate import model_of
from guardrail.adapters.wire.gemini.parts import field, is_identifier, plain_base64, spelled
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.strict import answered, json_object
from guardrail.records import Image, Operation, Output

SETTINGS = frozenset(
    {
        "addwatermark", "aspectratio", "basesteps", "binarycolorthreshold", "compressionquality",
        "controltype", "dilation", "durationseconds", "editmode", "encoding", "enhanceinputimage",
        "enhanceprompt", "fps", "generateaudio", "guidancescale", "imagepreservationfactor",
        "imagesize", "includeraireason", "includesafetyattributes", "labels", "language",
        "maskmode", "mimetype", "mode", "numberofimages", "numberofvideos", "outputgcsuri",
        "outputmimetype", "outputoptions", "persongeneration", "pubsubtopic", "referenceid",
        "referencetype",
        "resizemode", "resolution", "safetyfilterlevel", "safetysetting", "samplecount",
        "sampleimagesize", "samplingsteps", "seed", "storageuri", "subjecttype", "upscalefactor",
        "webhookconfig",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content, spelled plainly; every other is read."""

_BYTES = frozenset({"bytesbase64encoded", "imagebytes", "videobytes", "encodedvideo"})
_ELSEWHERE = frozenset({"gcsuri", "fileuri", "uri", "videouri"})
_DEPTH = 64


def _read(call: Call, operation: Operation, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = Content(limit_bytes)
    _value(content, body, 0)
    if field(body, "instances") is None:
        content.unreadable("there are no instances")
    if operation is Operation.VIDEO_GENERATE and content.images:
        operation = Operation.VIDEO_EDIT
    return Asked(content.request(operation, model=model_of(call)))


def _image(call: Call, limit_bytes: int) -> Asked:
    return _read(call, Operation.IMAGE_GENERATE, limit_bytes)


def _video(call: Call, limit_bytes: int) -> Asked:
    return _read(call, Operation.VIDEO_GENERATE, limit_bytes)


def _value(content: Content, value: Any, depth: int) -> None:
    if depth > _DEPTH:
        content.unreadable("values nested too deep to screen")
    elif isinstance(value, Mapping):
        for name in value:
            _field(content, value, name, depth)
    elif isinstance(value, list):
        for item in value:
            _value(content, item, depth + 1)
    else:
        content.everything(value, "user", "prompt")


def _field(content: Content, around: Mapping[str, Any], name: str, depth: int) -> None:
    known, value = spelled(name), around[name]
    if known in _BYTES:
        _bytes(content, around, value)
    elif known in _ELSEWHERE and value:
        content.unreadable("a file that is kept elsewhere cannot be screened")
    elif known not in SETTINGS or not is_identifier(value):
        _value(content, value, depth + 1)


def _bytes(content: Content, around: Mapping[str, Any], value: object) -> None:
    kind = word(field(around, "mimetype")).lower()
    if isinstance(value, str) and not kind.startswith("video/"):
        content.picture(plain_base64(value))
    else:
        content.images.append(Image(problem="a film cannot be screened"))


def _output(reply: Reply) -> Output:
    value = answered(reply.body.decode("utf-8"))
    if not isinstance(value, Mapping):
        raise ValueError("a reply that is no object")  # noqa: TRY004  its shape
    content = Content(LIMIT_BYTES)
    for prediction in items(value.get("predictions")):
        if isinstance(prediction, Mapping):
            _prediction(content, prediction)
        else:
            content.everything(prediction, "assistant", "output")
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


def _prediction(content: Content, prediction: Mapping[str, Any]) -> None:
    for name, value in prediction.items():
        if spelled(name) in _BYTES:
            _bytes(content, prediction, value)
        elif spelled(name) not in SETTINGS and spelled(name) not in _ELSEWHERE:
            content.everything(value, "assistant", "output")


def _started(reply: Reply) -> Output:
    value = answered(reply.body.decode("utf-8"))
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError("a reply without the name of an operation")  # noqa: TRY004  its shape
    return Output()


IMAGEN = Codec("gemini.predict", Operation.IMAGE_GENERATE, DIALECT, _image, _output)
VEO = Codec("gemini.predict_long_running", Operation.VIDEO_GENERATE, DIALECT, _video, _started)
