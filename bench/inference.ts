// The student behind gRPC against bare runs of ONNX Runtime: the same file, as many threads, as many crops. Server, callers and bare
// runs have a process each, so that the processor time of each is known.
import { availableParallelism } from 'node:os'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { readModelManifest } from '../services/shared/onnx/model-manifest.ts'
import { modelDirectory, writeTinyModel } from '../services/shared/onnx/test-support/tiny-model.ts'
import { defaultShape } from '../services/student-inference/index.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findStudent } from './support/find-student.ts'
import { measureStudent, type StudentLoad } from './support/inference/measure-student.ts'
import { summariseBare, summariseLoads, tabulateStudent } from './support/inference/tabulate-student.ts'
import { describeMachine } from './support/print-report.ts'
import { printTables } from './support/print-tables.ts'

const perRequest = 32

const help = `npm run bench -- inference [options]

  --rounds N          rounds (default 7)
  --requests N        requests of ${perRequest} crops of a round; as many crops are asked for one by one (default 32)
  --callers N         callers with ${perRequest} crops a request (default 8)
  --single-callers N  callers with single crops (default 64)
  --network tiny      a network of almost no cost instead of the released student, so that what is measured is the service
  --profile yes       also repeat each load under a profiler, and say where the time of the thread that serves goes
  --models-dir DIR    folder of the released models
  --json              everything as one JSON object on standard output
`

await runBench(async () => {
  const defaults = { rounds: 7, requests: 32, callers: 8, 'single-callers': 64 }
  const { json, modelsDir, numbers, texts } = readBenchOptions(defaults, ['profile', 'network'])
  const { rounds, requests, callers, 'single-callers': singleCallers } = numbers
  const crops = requests * perRequest
  const folder = await modelDirectory()
  try {
    const { modelPath, manifest } = await findNetwork(texts.network, modelsDir, folder.path)
    const cores = availableParallelism()
    const shape = defaultShape(cores)
    const loads: StudentLoad[] = [
      { name: `${callers} callers, ${perRequest} crops a request`, callers, crops: perRequest, requests },
      { name: `${singleCallers} callers, single crops`, callers: singleCallers, crops: 1, requests: crops },
      { name: 'one caller, single crops', callers: 1, crops: 1, requests: Math.ceil(crops / 4) },
    ]
    const profile = texts.profile !== undefined
    const measured = await measureStudent({
      modelPath,
      ...shape,
      loads,
      bareBatches: [perRequest, 1],
      bareCrops: crops,
      rounds,
      profile,
    })
    const summaries = summariseLoads(measured, loads, crops, cores)
    const bare = summariseBare(measured, crops)
    const machine = describeMachine()
    const { workers, threadsPerWorker } = shape
    const report = {
      bench: 'inference',
      machine,
      rounds,
      model: manifest.id,
      workers,
      threadsPerWorker,
      loads: summaries,
      bare,
    }
    const lead =
      `inference: ${manifest.id} (${manifest.parameters} parameters) behind gRPC on the loopback address, ${workers} workers of ` +
      `${threadsPerWorker} thread; ${machine.cores} cores, ${machine.cpu}, Node ${machine.node}; ${rounds} rounds of ${crops} crops, ` +
      'medians with quartiles.'
    printTables({ report, lead, tables: tabulateStudent(summaries, bare) }, json)
  } finally {
    await folder.remove()
  }
}, help)

async function findNetwork(network: string | undefined, modelsDir: string, folder: string) {
  if (network === undefined) return findStudent(modelsDir)
  if (network !== 'tiny') {
    throw new PelletlineError('invalid_argument', `--network is ${network}; tiny is expected, or nothing.`)
  }
  const modelPath = await writeTinyModel(folder)
  return { modelPath, manifest: await readModelManifest(modelPath) }
}
