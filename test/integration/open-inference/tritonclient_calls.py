"""Calls a served student by tritonclient, gRPC and HTTP, and prints what came back: one JSON object per line.

Arguments: address of the gRPC half, address of the REST half. Every crop is of one gray level.
"""

import json
import queue
import sys

import numpy
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

levels = [0, 50, 128, 200, 255]


def show(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def crops(gray_levels, dtype=numpy.uint8):
    return numpy.stack([numpy.full((1, 50, 50), level, dtype=dtype) for level in gray_levels])


def failure(call):
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


def both_halves(half, library, client, data_options, output_options):
    show(
        f"{half} health",
        [
            client.is_server_live(),
            client.is_server_ready(),
            client.is_model_ready("student"),
            client.is_model_ready("student", "student-1"),
            client.is_model_ready("nobody"),
        ],
    )

    def tensor(pixels, datatype="UINT8", shape=None, **options):
        made = library.InferInput("pellet", shape or list(pixels.shape), datatype)
        made.set_data_from_numpy(pixels, **options)
        return made

    for number, options in enumerate(data_options):
        for output in output_options:
            outputs = None if output is None else [library.InferRequestedOutput("logits", **output)]
            result = client.infer(
                "student",
                [tensor(crops(levels), **options)],
                request_id="request-7",
                outputs=outputs,
                parameters={"lot": "L1"},
            )
            logits = result.as_numpy("logits")
            response = result.get_response()
            echoed = response["id"] if isinstance(response, dict) else response.id
            show(f"{half} infer {number} {output}", [logits.tolist(), str(logits.dtype), echoed])

    good = tensor(crops([1]))
    large = tensor(crops([1] * 4097))
    floats = tensor(crops([1], numpy.float32), "FP32")
    flat = tensor(crops([1]).reshape(1, 2500))
    show(
        f"{half} errors",
        [
            failure(lambda: client.infer("nobody", [good])),
            failure(lambda: client.infer("student", [good], model_version="9")),
            failure(lambda: client.infer("student", [good], outputs=[library.InferRequestedOutput("softmax")])),
            failure(lambda: client.infer("student", [good], outputs=[library.InferRequestedOutput("logits", class_count=1)])),
            failure(lambda: client.infer("student", [good, good])),
            failure(lambda: client.infer("student", [floats])),
            failure(lambda: client.infer("student", [flat])),
            failure(lambda: client.infer("student", [large])),
            failure(lambda: client.load_model("student")),
        ],
    )


def stream(client):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    pixels = crops([50])
    given = tritonclient.grpc.InferInput("pellet", list(pixels.shape), "UINT8")
    given.set_data_from_numpy(pixels)
    for number in range(20):
        client.async_stream_infer("nobody" if number == 7 else "student", [given], request_id=f"r{number}")
    shown = []
    for _ in range(20):
        result, error = answers.get(timeout=60)
        shown.append(str(error) if result is None else result.get_response().id)
    client.stop_stream()
    show("stream", shown)


def main():
    grpc_address, rest_address = sys.argv[1:]
    grpc_client = tritonclient.grpc.InferenceServerClient(grpc_address)
    rest_client = tritonclient.http.InferenceServerClient(rest_address)

    both_halves("grpc", tritonclient.grpc, grpc_client, [{}], [None, {}])
    binary = [{"binary_data": True}, {"binary_data": False}]
    both_halves("rest", tritonclient.http, rest_client, binary, [None, *binary])
    stream(grpc_client)

    show("grpc metadata", grpc_client.get_model_metadata("student", as_json=True))
    show("rest metadata", rest_client.get_model_metadata("student"))
    show("grpc server", grpc_client.get_server_metadata(as_json=True))
    show("rest server", rest_client.get_server_metadata())
    show("grpc config", grpc_client.get_model_config("student", as_json=True)["config"]["max_batch_size"])
    show("rest config", rest_client.get_model_config("student")["max_batch_size"])
    show("grpc index", grpc_client.get_model_repository_index(as_json=True)["models"])
    show("rest index", rest_client.get_model_repository_index())
    show("grpc statistics", grpc_client.get_inference_statistics("student", as_json=True)["model_stats"])
    show("rest statistics", rest_client.get_inference_statistics("student")["model_stats"])


main()
