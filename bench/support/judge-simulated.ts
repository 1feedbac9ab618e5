import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { marginsOf, runCrops } from '../../services/distillation/index.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { cropBytes } from '../../services/shared/inspection/crop.ts'
import { createGraphWorker } from '../../services/shared/onnx/graph-worker.ts'
import type { ChunkReply, ChunkRequest } from './simulate-chunk-worker.ts'

export interface JudgeSimulatedOptions {
  readonly good: number
  readonly ng: number
  readonly seed: number
  /** Judges every crop. */
  readonly student: Uint8Array
  /** Judge every crop too, as the predecessors of the student; default: none. */
  readonly rivals?: readonly Uint8Array[]
  /** Judge the comparison crops only. */
  readonly others: readonly Uint8Array[]
  /** Comparison crops: half good, half NG, from the first chunks on. */
  readonly comparison: number
  /** Crops that are simulated and judged at a time: what a lane holds in memory; default 4,096 (10 MB). */
  readonly chunk?: number
  /** Lanes; each simulates a chunk and then judges it, so each keeps one core busy. */
  readonly lanes: number
  readonly onProgress?: (judged: number, total: number) => void
}

/** Margins zNG - zOK of simulated crops; the pixels are gone. */
export interface JudgedPellets {
  readonly margins: Float32Array
  readonly labels: Uint8Array
  readonly speckPx: Float32Array
}

export interface JudgedSimulation {
  readonly all: JudgedPellets
  /** Margins of all crops by the rivals, in their order. */
  readonly rivals: readonly Float32Array[]
  /** The comparison crops, as the student judged them. */
  readonly compared: JudgedPellets
  /** Logits [count, 2] of the comparison crops by the others, in their order. */
  readonly others: readonly Float32Array[]
}

/**
 * Simulates crops of the default line chunk by chunk and judges each chunk before the next, so that memory does not grow
 * with the pixels. The crops depend on the seed and the numbers alone, not on the lanes.
 */
export async function judgeSimulated(options: JudgeSimulatedOptions): Promise<JudgedSimulation> {
  const plans = planChunks(options)
  const results: ChunkResult[] = []
  const total = options.good + options.ng
  let next = 0
  let judged = 0
  const run = async () => {
    const lane = await openLane(options)
    try {
      while (next < plans.length) {
        const index = next++
        results[index] = await lane.judge(plans[index]!)
        judged += plans[index]!.count
        options.onProgress?.(judged, total)
      }
    } finally {
      await lane.close()
    }
  }
  await Promise.all(Array.from({ length: options.lanes }, run))
  return {
    all: joinPellets(results.map(({ all }) => all)),
    rivals: (options.rivals ?? []).map((_, i) => joinFloats(results.map(({ rivals }) => rivals[i]!))),
    compared: joinPellets(results.map(({ compared }) => compared)),
    others: options.others.map((_, i) => joinFloats(results.map(({ others }) => others[i]!))),
  }
}

interface ChunkPlan extends ChunkRequest {
  /** Comparison crops of each class. */
  readonly compared: number
}

interface ChunkResult {
  readonly all: JudgedPellets
  readonly rivals: readonly Float32Array[]
  readonly compared: JudgedPellets
  readonly others: readonly Float32Array[]
}

function planChunks(options: JudgeSimulatedOptions): readonly ChunkPlan[] {
  const { good, ng, seed, comparison, chunk: largest = 4096 } = options
  const chunks = Math.ceil((good + ng) / largest)
  const upTo = (amount: number, chunk: number) => Math.floor((amount * chunk) / chunks)
  let wanted = Math.ceil(comparison / 2)
  return Array.from({ length: chunks }, (_, i) => {
    const bad = upTo(ng, i + 1) - upTo(ng, i)
    const count = bad + upTo(good, i + 1) - upTo(good, i)
    const compared = Math.min(wanted, bad, count - bad)
    wanted -= compared
    return { seed: seed + i, count, ngShare: bad / count, compared }
  })
}

async function openLane({ student, rivals = [], others }: JudgeSimulatedOptions) {
  const simulator = new Worker(new URL('./simulate-chunk-worker.ts', import.meta.url))
  const judge = createGraphWorker({ threads: 1 })
  await judge.load('student', Uint8Array.from(student))
  for (const [i, bytes] of rivals.entries()) await judge.load(`rival ${i}`, Uint8Array.from(bytes))
  for (const [i, bytes] of others.entries()) await judge.load(`other ${i}`, Uint8Array.from(bytes))
  return {
    async judge({ compared, ...request }: ChunkPlan): Promise<ChunkResult> {
      simulator.postMessage(request satisfies ChunkRequest)
      const [reply] = (await once(simulator, 'message')) as [ChunkReply]
      if ('failure' in reply) throw new PelletlineError('internal', `simulating crops failed: ${reply.failure}`)
      const { labels, speckPx } = reply
      const crops = { ...reply, count: request.count }
      const margins = marginsOf((await runCrops(judge, 'student', crops)).logits)
      const ofRivals: Float32Array[] = []
      for (const i of rivals.keys()) ofRivals.push(marginsOf((await runCrops(judge, `rival ${i}`, crops)).logits))
      const chosen = [0, 1].flatMap((label) =>
        Array.from(labels, (_, i) => i)
          .filter((i) => labels[i] === label)
          .slice(0, compared),
      )
      const pixels = new Uint8Array(chosen.length * cropBytes)
      for (const [k, i] of chosen.entries())
        pixels.set(reply.pixels.subarray(i * cropBytes, (i + 1) * cropBytes), k * cropBytes)
      const answers: Float32Array[] = []
      for (const i of others.keys()) {
        answers.push((await runCrops(judge, `other ${i}`, { pixels, count: chosen.length })).logits)
      }
      return {
        all: { margins, labels, speckPx },
        rivals: ofRivals,
        compared: {
          margins: Float32Array.from(chosen, (i) => margins[i]!),
          labels: Uint8Array.from(chosen, (i) => labels[i]!),
          speckPx: Float32Array.from(chosen, (i) => speckPx[i]!),
        },
        others: answers,
      }
    },
    close: async () => {
      await Promise.all([simulator.terminate(), judge.close()])
    },
  }
}

function joinPellets(parts: readonly JudgedPellets[]): JudgedPellets {
  return {
    margins: joinFloats(parts.map(({ margins }) => margins)),
    labels: joinColumns(
      Uint8Array,
      parts.map(({ labels }) => labels),
    ),
    speckPx: joinFloats(parts.map(({ speckPx }) => speckPx)),
  }
}

const joinFloats = (parts: readonly Float32Array[]) => joinColumns(Float32Array, parts)

function joinColumns<T extends { readonly length: number; set(values: T, at: number): void }>(
  Column: new (length: number) => T,
  parts: readonly T[],
): T {
  const joined = new Column(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
