"""BentoML: raw crops in, raw logits out, adaptive batching on. Arguments: MODEL.onnx PORT; settings go to the current folder."""

import json
import os
import sys

import bentoml
import numpy
from _bentoml_sdk.io_models import IORootModel
from starlette.responses import Response
from typing import Any

import runtime


class Raw(IORootModel[Any]):
    """Bytes instead of JSON, which would cost a crop more than the network does."""

    __root_input__ = True

    @classmethod
    async def from_http_request(cls, request, serde):
        return cls(numpy.frombuffer(await request.body(), numpy.uint8).reshape(-1, 1, 50, 50))

    @classmethod
    async def to_http_response(cls, logits, serde):
        return Response(logits.tobytes(), media_type="application/octet-stream")


@bentoml.service(name="student", workers=1)
class Student:
    def __init__(self):
        with open("model.json") as file:
            self.run = runtime.open_model(json.load(file))

    @bentoml.api(
        route="/predict",
        input_spec=Raw,
        output_spec=Raw,
        batchable=True,
        max_batch_size=runtime.MAX_BATCH,
    )
    def predict(self, crops, /):
        return self.run(crops)


if __name__ == "__main__":
    with open("model.json", "w") as file:
        json.dump(sys.argv[1], file)
    here = os.path.dirname(os.path.abspath(__file__))
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ["BENTOML_HOME"] = os.path.join(os.getcwd(), "bentoml")
    os.environ["PYTHONPATH"] = here
    command = ["serve", "bentoml_server:Student", "--working-dir", os.getcwd(), "--host", "127.0.0.1", "--port", sys.argv[2]]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", *command])
