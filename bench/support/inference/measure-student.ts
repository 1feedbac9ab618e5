import { type HelperProcess, openHelper } from '../helper-process.ts'
import { interleave } from '../measure.ts'
import type { BareFigures, BareTask } from './bare-process.ts'
import type { CallersFigures, CallersTask } from './callers-process.ts'
import { type Part, shareByPart } from './share-by-part.ts'
import type { StudentFigures, StudentTask } from './student-process.ts'

/** What callers ask of the student in a round. */
export interface StudentLoad {
  readonly name: string
  readonly callers: number
  /** Of one request. */
  readonly crops: number
  /** Of a round. */
  readonly requests: number
}

/** One load in one round: times in us are processor time. */
export interface LoadRound {
  readonly ms: number
  readonly serverUs: number
  /** Of that, the thread that serves. */
  readonly mainUs: number
  /** Of that of the server, within `run` of its workers. */
  readonly runUs: number
  readonly runs: number
  readonly callersUs: number
  readonly waits: readonly number[]
}

/** Bare runs of one size in one round. */
export type BareRound = BareFigures

export interface StudentMeasurement {
  /** By the name of the load; entry i of each belongs to the same round. */
  readonly loads: ReadonlyMap<string, readonly LoadRound[]>
  /** By the crops of a run. */
  readonly bare: ReadonlyMap<number, readonly BareRound[]>
  /** By the name of the load: where the thread that serves spends its time; empty where it was not asked for. */
  readonly shares: ReadonlyMap<string, ReadonlyMap<Part, number>>
}

export interface MeasureStudentOptions {
  readonly modelPath: string
  readonly workers: number
  readonly threadsPerWorker: number
  readonly loads: readonly StudentLoad[]
  /** Runs of so many crops. */
  readonly bareBatches: readonly number[]
  /** Crops of a round of bare runs. */
  readonly bareCrops: number
  readonly rounds: number
  /** Whether each load is repeated after the rounds under a profiler. */
  readonly profile: boolean
}

type Student = HelperProcess<StudentTask, StudentFigures>
type Callers = HelperProcess<CallersTask, CallersFigures>

/** Measures the student, its callers and bare runs, each in a process of its own, in turn round by round. */
export async function measureStudent(options: MeasureStudentOptions): Promise<StudentMeasurement> {
  const { modelPath, workers, threadsPerWorker, bareCrops, rounds } = options
  const bare = openHelper<BareTask, BareFigures>('inference/bare-process.ts', [
    modelPath,
    `${workers * threadsPerWorker}`,
  ])
  const student: Student = openHelper('inference/student-process.ts', [modelPath, `${workers}`, `${threadsPerWorker}`])
  const callers: Callers = openHelper('inference/callers-process.ts')
  try {
    const { address } = await student.ask({})
    const loads = new Map(options.loads.map(({ name }) => [name, [] as LoadRound[]]))
    const bareRounds = new Map(options.bareBatches.map((batch) => [batch, [] as BareRound[]]))
    await interleave(
      [
        ...options.loads.map((load) => ({
          name: load.name,
          run: async () => void loads.get(load.name)!.push(await measureLoad(student, callers, load, address)),
        })),
        ...options.bareBatches.map((batch) => ({
          name: `bare ${batch}`,
          run: async () => void bareRounds.get(batch)!.push(await bare.ask({ crops: bareCrops, batch })),
        })),
      ],
      rounds,
    )
    // The first of each is a warm-up.
    for (const measured of [...loads.values(), ...bareRounds.values()]) measured.shift()
    const shares = new Map<string, ReadonlyMap<Part, number>>()
    for (const load of options.profile ? options.loads : []) {
      shares.set(load.name, await profileLoad(student, callers, load, address))
    }
    return { loads, bare: bareRounds, shares }
  } finally {
    for (const helper of [bare, student, callers]) helper.close()
  }
}

async function measureLoad(
  student: Student,
  callers: Callers,
  { callers: count, crops, requests }: StudentLoad,
  address: string,
): Promise<LoadRound> {
  const before = await student.ask({})
  const { ms, cpuUs: callersUs, waits } = await callers.ask({ address, callers: count, requests, crops })
  const after = await student.ask({})
  return {
    ms,
    serverUs: after.cpuUs - before.cpuUs,
    mainUs: after.mainUs - before.mainUs,
    runUs: after.runUs - before.runUs,
    runs: after.runs - before.runs,
    callersUs,
    waits,
  }
}

async function profileLoad(
  student: Student,
  callers: Callers,
  { callers: count, crops, requests }: StudentLoad,
  address: string,
): Promise<ReadonlyMap<Part, number>> {
  await student.ask({ profile: 'begin' })
  await callers.ask({ address, callers: count, requests, crops })
  const { profile } = await student.ask({ profile: 'end' })
  return shareByPart(profile!)
}
