"""LitServe: raw crops in, raw logits out, its batcher on. Arguments: MODEL.onnx PORT."""

import sys
from typing import Annotated

import litserve
import numpy
from fastapi import Body
from fastapi.responses import Response

import runtime


class Student(litserve.LitAPI):
    def setup(self, device):
        self.run = runtime.open_model(sys.argv[1])

    def decode_request(self, request: Annotated[bytes, Body()]):
        return numpy.frombuffer(request, numpy.uint8).reshape(-1, 1, 50, 50)

    def batch(self, inputs):
        self.counts = [len(crops) for crops in inputs]
        return numpy.concatenate(inputs)

    def predict(self, crops):
        return self.run(crops)

    def unbatch(self, logits):
        return numpy.split(logits, numpy.cumsum(self.counts)[:-1])

    def encode_response(self, logits) -> Response:
        return Response(logits.tobytes(), media_type="application/octet-stream")


if __name__ == "__main__":
    api = Student(max_batch_size=runtime.MAX_BATCH, batch_timeout=runtime.BATCH_WAIT)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="error")
