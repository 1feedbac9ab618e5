import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { cropBytes } from '../../../services/shared/inspection/crop.ts'
import { createPeerClient, type Endpoint, type PeerClient } from './peer-client.ts'
import { type BadKind, badKindsOf, decodeAnswer, drawCrops, encodeBadRequest, encodeRequest } from './requests.ts'

/** What bad requests of one kind did among good ones. */
export interface HarmFigures {
  readonly kind: BadKind
  readonly good: number
  readonly bad: number
  /** Good requests that failed, or whose logits are not those of the crop alone. */
  readonly harmed: number
  /** Bad requests that were answered as if they were good. */
  readonly taken: number
  /** How the others were refused: the status and what was said, of one of them. */
  readonly refusal: string | undefined
}

const good = 80
const bad = 16
/** Between logits of the same crop in batches of different sizes, of the larger one. */
const tolerance = 1e-3

/** Sends 80 good requests together with 16 bad ones, for each kind of bad ones that the protocol can say. */
export async function measureHarm(endpoint: Endpoint): Promise<HarmFigures[]> {
  const client = createPeerClient(endpoint)
  try {
    const pixels = drawCrops(good, 7)
    const requests = Array.from({ length: good }, (_, i) =>
      encodeRequest(endpoint.protocol, pixels.subarray(i * cropBytes, (i + 1) * cropBytes)),
    )
    const alone: Float32Array[] = []
    for (const request of requests) alone.push(decodeAnswer(endpoint.protocol, await client.send(request), 1))
    const figures: HarmFigures[] = []
    for (const kind of badKindsOf(endpoint.protocol)) figures.push(await sendTogether(client, kind, requests, alone))
    return figures
  } finally {
    client.close()
  }

  async function sendTogether(
    through: PeerClient,
    kind: BadKind,
    requests: readonly Buffer[],
    alone: readonly Float32Array[],
  ): Promise<HarmFigures> {
    const wrong = encodeBadRequest(endpoint.protocol, kind)
    const isUnharmed = async (request: Buffer, expected: Float32Array) => {
      const answer = await through.send(request)
      return isSame(decodeAnswer(endpoint.protocol, answer, 1), expected)
    }
    const every = good / bad
    const refusals: Promise<string | undefined>[] = []
    const answers = requests.map((request, i) => {
      if (i % every === 0) refusals.push(refusalOf(through.send(wrong)))
      return isUnharmed(request, alone[i]!).catch(() => false)
    })
    const unharmed = (await Promise.all(answers)).filter((same) => same).length
    const refused = (await Promise.all(refusals)).filter((text) => text !== undefined)
    return { kind, good, bad, harmed: good - unharmed, taken: bad - refused.length, refusal: refused[0] }
  }
}

async function refusalOf(answer: Promise<unknown>): Promise<string | undefined> {
  try {
    await answer
    return undefined
  } catch (reason) {
    return PelletlineError.from(reason).message
  }
}

/** Whether logits are the same but for rounding. */
export function isSame(logits: Float32Array, expected: Float32Array): boolean {
  const scale = expected.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 1e-6)
  return logits.every((logit, i) => Math.abs(logit - expected[i]!) <= tolerance * scale)
}
