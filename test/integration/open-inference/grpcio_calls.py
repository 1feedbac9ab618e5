"""Calls a served student by grpcio and the proto file alone, and prints what came back: one JSON object per line.

Arguments: address of the gRPC half, folder of grpc_service.proto. Every crop is of one gray level.
"""

import json
import struct
import sys

import grpc

address, folder = sys.argv[1:]
sys.path.insert(0, folder)
messages, services = grpc.protos_and_services("grpc_service.proto")


def show(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def request(level, items=1, **fields):
    tensor = messages.ModelInferRequest.InferInputTensor(name="pellet", datatype="UINT8", shape=[items, 1, 50, 50])
    return messages.ModelInferRequest(model_name="student", inputs=[tensor], **fields)


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return None


with grpc.insecure_channel(address, options=[("grpc.max_send_message_length", -1)]) as channel:
    stub = services.GRPCInferenceServiceStub(channel)

    raw = request(50, raw_input_contents=[bytes([50] * 2500)])
    answer = stub.ModelInfer(raw, timeout=60)
    show("raw", list(struct.unpack("<2f", answer.raw_output_contents[0])))

    typed = request(50)
    typed.inputs[0].contents.uint_contents.extend([50] * 2500)
    answer = stub.ModelInfer(typed, timeout=60)
    show("typed", [list(answer.outputs[0].contents.fp32_contents), len(answer.raw_output_contents)])

    truncated = request(50, raw_input_contents=[bytes(2499)])
    both = request(50, raw_input_contents=[bytes(2500)])
    both.inputs[0].contents.uint_contents.append(1)
    beyond = request(50)
    beyond.inputs[0].contents.uint_contents.extend([256] * 2500)
    negative = request(50, items=-1, raw_input_contents=[bytes(2500)])
    huge = request(50, items=2**62, raw_input_contents=[bytes(2500)])
    message = request(50, items=40_000, raw_input_contents=[bytes(100_000_000)])
    show(
        "errors",
        [failure(lambda bad=bad: stub.ModelInfer(bad, timeout=60)) for bad in (truncated, both, beyond, negative, huge, message)],
    )

    cancelled = stub.ModelInfer.future(raw, timeout=60)
    cancelled.cancel()
    show("after", list(struct.unpack("<2f", stub.ModelInfer(raw, timeout=60).raw_output_contents[0])))
