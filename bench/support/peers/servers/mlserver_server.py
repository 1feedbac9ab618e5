"""MLServer: a custom runtime with adaptive batching, asked by gRPC. Arguments: MODEL.onnx PORT; settings go to the current folder."""

import json
import sys

from mlserver import MLModel
from mlserver.cli import main
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

import runtime


class Student(MLModel):
    async def load(self):
        self.run = runtime.open_model(self.settings.parameters.uri)
        return True

    async def predict(self, payload):
        logits = self.run(NumpyCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("logits", logits)])


if __name__ == "__main__":
    settings = {
        "host": "127.0.0.1",
        "grpc_port": int(sys.argv[2]),
        "http_port": runtime.free_port(),
        "metrics_port": runtime.free_port(),
        "debug": False,
    }
    model_settings = {
        "name": "student",
        "implementation": "mlserver_server.Student",
        "max_batch_size": runtime.MAX_BATCH,
        "max_batch_time": runtime.BATCH_WAIT,
        "parameters": {"uri": sys.argv[1]},
    }
    for name, content in {"settings": settings, "model-settings": model_settings}.items():
        with open(f"{name}.json", "w") as file:
            json.dump(content, file)
    sys.argv = ["mlserver", "start", "."]
    main()
