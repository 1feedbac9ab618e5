// The client of `bench -- peers` as a process of its own: one message a load, answered by its figures.
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { quantile } from '../measure.ts'
import { readProcessTree } from '../process-cpu.ts'
import type { LoadFigures } from './loads.ts'
import { createPeerClient, type Endpoint } from './peer-client.ts'
import { decodeAnswer, drawCrops, encodeRequest } from './requests.ts'

/** A load for one server. */
export interface LoadTask {
  readonly endpoint: Endpoint
  readonly callers: number
  /** Of one request. */
  readonly crops: number
  /** Time that counts; callers call before it and after it too. */
  readonly seconds: number
  /** Root of the server's processes. */
  readonly serverPid: number
}

/** Different crops, so that no answer is an old one. */
const variety = 16
const warmUpMs = 500
const logitBytes = 2 * Float32Array.BYTES_PER_ELEMENT

async function apply({ endpoint, callers, crops, seconds, serverPid }: LoadTask): Promise<LoadFigures> {
  const requests = Array.from({ length: variety }, (_, i) =>
    encodeRequest(endpoint.protocol, drawCrops(crops, 100 + i)),
  )
  const client = createPeerClient(endpoint)
  try {
    decodeAnswer(endpoint.protocol, await client.send(requests[0]!), crops)
    let [counting, ending] = [false, false]
    let waits: number[] = []
    const call = async (caller: number) => {
      for (let turn = caller; !ending; turn++) {
        const began = performance.now()
        const answer = await client.send(requests[turn % variety]!)
        if (counting) waits.push(performance.now() - began)
        if (answer.length < crops * logitBytes) {
          throw new PelletlineError('internal', `${answer.length} bytes came back for ${crops} crops.`)
        }
      }
    }
    const calls = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
    const watch = async (): Promise<LoadFigures> => {
      await delay(warmUpMs)
      const before = look(serverPid)
      counting = true
      await delay(seconds * 1000)
      counting = false
      const after = look(serverPid)
      const answered = waits.length * crops
      const perThousand = (cpuSeconds: number) => (1000 * cpuSeconds) / answered
      const figures = {
        cropsPerSecond: (1000 * answered) / (after.at - before.at),
        p50Ms: quantile(waits, 0.5),
        p99Ms: quantile(waits, 0.99),
        serverCpuSeconds: perThousand(after.server - before.server),
        clientCpuSeconds: perThousand(after.client - before.client),
      }
      waits = []
      if (answered === 0) throw new PelletlineError('deadline_exceeded', `No answer came within ${seconds} s.`)
      return figures
    }
    try {
      return await Promise.race([watch(), calls.then(() => Promise.reject(new Error('the callers ended')))])
    } finally {
      ending = true
      await calls.catch(() => {})
    }
  } finally {
    client.close()
  }
}

function look(serverPid: number) {
  const { user, system } = process.cpuUsage()
  const at = performance.now()
  return { at, client: (user + system) / 1e6, server: readProcessTree(serverPid).cpuSeconds }
}

process.on('message', (task: LoadTask) => {
  apply(task).then(
    (figures) => process.send!({ figures }),
    (reason) => process.send!({ failure: PelletlineError.from(reason).message }),
  )
})
