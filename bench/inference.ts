// The student behind gRPC against bare runs of ONNX Runtime: the same file, as many threads, as many crops.
import { availableParallelism } from 'node:os'
import { StudentInferenceService } from '../services/gen/pelletline/inference/v1/inference_pb.ts'
import { cropBytes } from '../services/shared/inspection/crop.ts'
import { createRpcClient } from '../services/shared/rpc/create-rpc-client.ts'
import { startRpcServer } from '../services/shared/rpc/start-rpc-server.ts'
import { systemClock } from '../services/shared/service/clock.ts'
import { silentLogger } from '../services/shared/telemetry/logger.ts'
import {
  createStudentInference,
  defaultShape,
  studentInferenceOptionsSchema,
} from '../services/student-inference/index.ts'
import { createBareStudent } from './support/bare-runs.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findStudent } from './support/find-student.ts'
import { interleave, quantile, ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { printReport } from './support/print-report.ts'

const perRequest = 32

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 7, requests: 32, callers: 8, 'single-callers': 64 })
  const { rounds, requests, callers, 'single-callers': singleCallers } = numbers
  const crops = requests * perRequest
  const found = await findStudent(modelsDir)
  const shape = defaultShape(availableParallelism())
  const options = studentInferenceOptionsSchema.parse({ modelPath: found.modelPath, ...shape })
  const student = createStudentInference({ clock: systemClock, logger: silentLogger, options })
  const { implementations } = student
  const server = await startRpcServer({ listen: '127.0.0.1:0', implementations, logger: silentLogger })
  const client = createRpcClient(StudentInferenceService, { address: server.address })
  const bare = await createBareStudent(found, shape.workers * shape.threadsPerWorker)
  await student.start()

  const crop = new Uint8Array(cropBytes).fill(128)
  const many = Array.from({ length: perRequest }, () => crop)
  const waits = { many: [] as number[], one: [] as number[] }
  const share = async (count: number, by: number, waited: number[], call: () => Promise<unknown>) => {
    let left = count
    const caller = async () => {
      while (left > 0) {
        left--
        const began = performance.now()
        await call()
        waited.push(performance.now() - began)
      }
    }
    await Promise.all(Array.from({ length: by }, caller))
  }
  const times = await interleave(
    [
      {
        name: 'gRPC many',
        run: () => share(requests, callers, waits.many, () => client.classifyCrops({ crops: many })),
      },
      { name: 'bare many', run: () => bare.run(crops, perRequest) },
      { name: 'gRPC one', run: () => share(crops, singleCallers, waits.one, () => client.classifyCrop({ crop })) },
      { name: 'bare one', run: () => bare.run(crops, 1) },
    ],
    rounds,
  )
  client.close()
  await Promise.all([server.drain(1000), student.drain(1000), bare.close()])

  const rates = (name: string) => ratesOf(times.get(name)!, crops)
  const figure = (what: string, name: string) => ({ what, unit: 'crops/s', spread: spreadOf(rates(name)) })
  const names = {
    many: `gRPC, ${callers} callers, ${perRequest} crops a request`,
    bareMany: `bare runs of ${perRequest}`,
    one: `gRPC, ${singleCallers} callers, one crop a request`,
    bareOne: 'bare runs of one crop',
  }
  const ratio = (what: string, a: string, against: string, b: string) => ({
    what,
    against,
    spread: ratioOf(rates(a), rates(b)),
  })
  printReport(
    {
      bench: 'inference',
      about:
        `crops judged per second by ${found.manifest.id} (${found.manifest.parameters} parameters) behind gRPC on the loopback ` +
        'address, callers and service in one process, against ONNX Runtime alone in as many threads.',
      rounds,
      figures: [
        figure(names.many, 'gRPC many'),
        figure(names.bareMany, 'bare many'),
        figure(names.one, 'gRPC one'),
        figure(names.bareOne, 'bare one'),
        { what: `${names.many}: answer after`, unit: 'ms', spread: spreadOf(waits.many) },
        { what: `${names.one}: answer after`, unit: 'ms', spread: spreadOf(waits.one) },
      ],
      ratios: [
        ratio(names.many, 'gRPC many', names.bareMany, 'bare many'),
        ratio(names.one, 'gRPC one', names.bareMany, 'bare many'),
        ratio(names.one, 'gRPC one', names.bareOne, 'bare one'),
      ],
      facts: {
        'crops of a round': crops,
        'worker threads': shape.workers * shape.threadsPerWorker,
        '99 % of answers to many crops within, ms': Math.round(quantile(waits.many, 0.99)),
        '99 % of answers to one crop within, ms': Math.round(quantile(waits.one, 0.99)),
      },
    },
    json,
  )
})
