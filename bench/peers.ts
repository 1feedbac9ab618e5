// The student beside other serving systems: each on the same fp32 file, ONNX Runtime and two cores, asked by the same client,
// interleaved round by round with bare runs beside; and ours on the int8 student.
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { cropSide } from '../services/shared/inspection/crop.ts'
import { createGraphWorker } from '../services/shared/onnx/graph-worker.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { judgeGoals } from './support/peers/judge-goals.ts'
import { checkedCrops, measurePeers } from './support/peers/measure-peers.ts'
import { contestantNames, listContestants } from './support/peers/peer-contestants.ts'
import { runtimeVersion } from './support/peers/peer-systems.ts'
import { summariseSystem } from './support/peers/peers-report.ts'
import { printPeers, publishPeers } from './support/peers/render-peers.ts'
import type { ServerProcess } from './support/peers/server-process.ts'
import type { PeersReport } from './support/peers/tabulate-peers.ts'
import { type BenchModel, writeBenchModel } from './support/peers/write-bench-model.ts'
import { describeMachine } from './support/print-report.ts'

const help = `npm run bench -- peers [options]

  --rounds N        rounds (default 5)
  --seconds N       time of each of the three loads in a round (default 3)
  --only A,B        systems: ${contestantNames.join(', ')} (default all)
  --int8 FILE       the int8 student with its manifest beside it (default: the released one)
  --start-limit N   patience with a server that starts, s (default 180)
  --json            everything as one JSON object on standard output
  --publish DIR     also write tables (Markdown), a plot (SVG) and numbers (JSON) into DIR

Each peer is installed once into .cache/peers, about 1 GB in all. One that cannot be installed or started is named with the
reason. Made for a machine of two cores with nothing else on it: about 11 minutes once all are installed.
`

/** Threads of every ONNX Runtime here: the peers' (servers/runtime.py), the bare run's, and ours in all. */
const threads = 2

await runBench(async () => {
  const { json, modelsDir, numbers, texts } = readBenchOptions({ rounds: 5, seconds: 3, 'start-limit': 180 }, [
    'only',
    'int8',
    'publish',
  ])
  const { rounds, seconds, 'start-limit': startLimitSeconds } = numbers
  const chosen = chooseNames(texts.only)
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-peers-'))
  const servers: ServerProcess[] = []
  const onSignal = () => {
    for (const server of servers) server.kill()
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, onSignal)
  try {
    const model = await writeBenchModel(folder)
    const all = await listContestants({ model, folder, modelsDir, int8: texts.int8 })
    const runs = await measurePeers({
      contestants: all.filter(({ description }) => chosen.has(description.name)),
      modelPath: model.modelPath,
      threads,
      rounds,
      seconds,
      startLimitSeconds,
      expected: await runBare(model),
      say: (what) => process.stderr.write(`${what}\n`),
      onStart: (server) => servers.push(server),
    })
    const machine = describeMachine()
    const systems = runs.map((run) => summariseSystem(run, machine.cores))
    const { id, parameters, multiplyAdds } = model
    const report: PeersReport = {
      bench: 'peers',
      machine,
      rounds,
      seconds,
      runtime: runtimeVersion,
      model: { id, parameters, multiplyAdds },
      systems,
      goals: judgeGoals(systems),
    }
    printPeers(report, json)
    if (texts.publish !== undefined) {
      await publishPeers(report, texts.publish, `npm run bench -- peers ${process.argv.slice(2).join(' ')}`)
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}, help)

function chooseNames(only: string | undefined): ReadonlySet<string> {
  const names = only?.split(',') ?? contestantNames
  const unknown = names.find((name) => !contestantNames.includes(name))
  if (unknown === undefined) return new Set(names)
  throw new PelletlineError('invalid_argument', `--only names "${unknown}"; valid are ${contestantNames.join(', ')}.`)
}

/** Logits of the checked crops by ONNX Runtime alone. */
async function runBare({ modelPath }: BenchModel): Promise<Float32Array> {
  const worker = createGraphWorker({ threads: 1 })
  try {
    await worker.load('student', new Uint8Array(await readFile(modelPath)))
    const data = checkedCrops.slice()
    const dims = [data.length / cropSide ** 2, 1, cropSide, cropSide]
    const feeds = { pellet: { type: 'uint8' as const, dims, data } }
    const { logits } = await worker.run({ model: 'student', feeds, keep: {}, fetch: ['logits'] })
    return logits!.data as Float32Array
  } finally {
    await worker.close()
  }
}
