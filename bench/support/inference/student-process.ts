// The student behind gRPC as a process of its own, its runs counted: arguments MODEL.onnx, workers, threads of each.
import { Session } from 'node:inspector/promises'
import process from 'node:process'
import { createInferencePool } from '../../../services/shared/onnx/inference-pool.ts'
import { startRpcServer } from '../../../services/shared/rpc/start-rpc-server.ts'
import { systemClock } from '../../../services/shared/service/clock.ts'
import { silentLogger } from '../../../services/shared/telemetry/logger.ts'
import { createStudentInference, studentInferenceOptionsSchema } from '../../../services/student-inference/index.ts'
import { answerTasks } from './answer-tasks.ts'
import { collectRunCost, threadCpuUs } from './run-cost.ts'
import type { CpuProfile } from './share-by-part.ts'

/** What has been spent until now; and a profile of the thread that serves is begun, or ended and told. */
export interface StudentTask {
  readonly profile?: 'begin' | 'end'
}

/** What the process has spent since it began. */
export interface StudentFigures {
  readonly address: string
  readonly cpuUs: number
  /** Of the thread that serves, without its workers. */
  readonly mainUs: number
  /** Within `run` of the workers. */
  readonly runUs: number
  readonly runs: number
  readonly profile?: CpuProfile
}

const sampleEveryUs = 200

const [modelPath, workers, threadsPerWorker] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
const options = studentInferenceOptionsSchema.parse({ modelPath, workers, threadsPerWorker })
const readRunCost = collectRunCost()
const student = createStudentInference({
  clock: systemClock,
  logger: silentLogger,
  options,
  openPool: (pool) => createInferencePool({ ...pool, workerEntry: new URL('./counted-worker.ts', import.meta.url) }),
})
const { implementations } = student
const server = await startRpcServer({ listen: '127.0.0.1:0', implementations, logger: silentLogger })
await student.start()
const inspector = new Session()
inspector.connect()
await inspector.post('Profiler.enable')
await inspector.post('Profiler.setSamplingInterval', { interval: sampleEveryUs })

function look(): StudentFigures {
  const all = process.cpuUsage()
  const { runs, cpuUs: runUs } = readRunCost()
  const { address } = server
  return { address, cpuUs: all.user + all.system, mainUs: threadCpuUs(), runUs, runs }
}

answerTasks(async ({ profile }: StudentTask): Promise<StudentFigures> => {
  if (profile === 'begin') await inspector.post('Profiler.start')
  const spent = look()
  if (profile !== 'end') return spent
  return { ...spent, profile: (await inspector.post('Profiler.stop')).profile as CpuProfile }
})
