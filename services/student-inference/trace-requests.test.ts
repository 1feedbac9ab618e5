import assert from 'node:assert/strict'
import test from 'node:test'
import type { StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import type { GRPCInferenceService } from '../gen/third_party/inference/grpc_service_pb.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import { traceServerCalls } from '../shared/rpc/trace-calls.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { metrics, spans } from '../shared/telemetry/names.ts'
import type { SpanContext } from '../shared/telemetry/span-context.ts'
import { noTelemetry, type SpanRecord, type Telemetry } from '../shared/telemetry/telemetry.ts'
import { createJudgingRecorder } from './record-judging.ts'
import { useTinyStudent } from './test-support/tiny-student.ts'

const serve = useTinyStudent()

/** Telemetry that keeps what it is told. */
function createKept() {
  const written: SpanRecord[] = []
  const waits: (SpanContext | undefined)[] = []
  const telemetry: Telemetry = {
    ...noTelemetry,
    tracing: true,
    stripShare: 1,
    writeSpan: (span) => written.push(span),
    histogram: (metric) => ({
      record(_value, _labels, trace) {
        if (metric === metrics.batchWaitSeconds) waits.push(trace)
      },
    }),
    forService: () => telemetry,
  }
  return { telemetry, written, waits }
}

test('each call that is judged gives its wait for a batch its own span, and the batch a link to it', async () => {
  const { telemetry, written, waits } = createKept()
  const { student } = await serve({ telemetry })
  const [own, open] = student.implementations
  const interceptors = [traceServerCalls({ telemetry })]
  const clientOf = (service: ServiceImplementation | undefined) => createLocalClient(service!, { interceptors })
  const client = clientOf(own) as unknown as ServiceClient<typeof StudentInferenceService>
  const openClient = clientOf(open) as unknown as ServiceClient<typeof GRPCInferenceService>
  const crop = grayCrops(50)
  const crops = Array.from({ length: 40 }, () => crop)
  async function* requests() {
    for (const requestId of ['1', '2']) yield { requestId, crops }
  }
  const openRequest = {
    modelName: 'student',
    inputs: [{ name: 'pellet', datatype: 'UINT8', shape: [1n, 1n, 50n, 50n] }],
    rawInputContents: [crop],
  }
  async function* openRequests() {
    yield openRequest
  }
  const readAll = async (answers: AsyncIterable<unknown>) => {
    for await (const _ of answers);
  }
  const calls = [
    () => client.classifyCrop({ crop }),
    () => client.classifyCrops({ crops }),
    () => client.classifyUpload(requests()),
    () => readAll(client.classifyStream(requests())),
    () => readAll(client.classifyProgressive({ crops })),
    () => openClient.modelInfer(openRequest),
    () => readAll(openClient.modelStreamInfer(openRequests())),
  ]
  for (const call of calls) {
    waits.length = 0
    written.length = 0
    await call()
    const { context, name } = written.find(({ kind }) => kind === 'server')!
    assert.ok(waits.length > 0 && waits.every((trace) => trace?.spanId === context.spanId), name)
    const batches = written.filter((span) => span.name === spans.batch)
    assert.ok(batches.length > 0, name)
    for (const { links } of batches) assert.deepEqual(links, [context], name)
  }
})

test('a batch is linked once to a call, however many of its messages it holds, and not to one that is not sampled', () => {
  const { telemetry, written } = createKept()
  const context = (digit: string, sampled = true) => ({ traceId: digit.repeat(32), spanId: digit.repeat(16), sampled })
  const traces = Array.from({ length: 1000 }, () => [context('a'), context('b'), context('c', false)]).flat()
  const recorder = createJudgingRecorder(telemetry, systemClock)
  recorder.batch('tiny', { size: 3000, computeUs: 1, reason: 'full', traces })
  assert.deepEqual(written[0]!.links, [context('a'), context('b')])
})
