import { hash } from 'node:crypto'
import { AuditStratum } from '../gen/pelletline/events/v1/events_pb.ts'
import type { AuditSampling } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { formatPelletName, type PelletNameParts } from '../shared/telemetry/pellet-name.ts'

/** A judged pellet that is to be audited. */
export interface AuditDraw {
  readonly stratum: AuditStratum
  /** Probability with which a pellet of this stratum is drawn. */
  readonly inclusionProbability: number
}

/**
 * A number in [0, 1) that belongs to a pellet for ever: the first 53 bits of SHA-256 over `salt/plant/line/camera/run/strip/index`
 * in UTF-8, as a binary fraction. Anybody who has the name and the salt can repeat the draw.
 */
export function auditNumber(salt: string, pellet: PelletNameParts): number {
  const digest = hash('sha256', `${salt}/${formatPelletName(pellet)}`, 'buffer')
  return (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53
}

/** Stratum of a judged pellet by its margin zNG - zOK; near the threshold means OK by at most the recipe's band. */
export function auditStratum(margin: number, threshold: number, sampling: AuditSampling): AuditStratum {
  if (margin >= threshold) return AuditStratum.NG
  return margin >= threshold - sampling.nearThresholdBand ? AuditStratum.NEAR_THRESHOLD : AuditStratum.REST
}

/** Share of a stratum that is audited, 0 for a stratum that the student does not draw from. */
function auditRate(stratum: AuditStratum, sampling: AuditSampling): number {
  switch (stratum) {
    case AuditStratum.NG:
      return sampling.ngRate
    case AuditStratum.NEAR_THRESHOLD:
      return sampling.nearThresholdRate
    case AuditStratum.REST:
      return sampling.baseRate
    default:
      return 0
  }
}

/**
 * Factor by which the rates of a part are lowered so that its sample is not expected to hold more than the recipe's budget:
 * teachers take many times the student's time, and when product changes much of it comes near the threshold at once. It
 * follows from the part's margins alone, so every inclusion probability stays known; it is halved until it fits, so that a
 * lot has few different ones.
 */
export function auditShare(margins: ArrayLike<number>, threshold: number, sampling: AuditSampling): number {
  if (sampling.partBudget === 0) return 1
  let expected = 0
  for (let i = 0; i < margins.length; i += 1) {
    expected += auditRate(auditStratum(margins[i]!, threshold, sampling), sampling)
  }
  let share = 1
  while (share * expected > sampling.partBudget) share /= 2
  return share
}

/**
 * Decides whether a judged pellet is audited: a pure function of its name, so a message that comes again draws the same
 * pellets, and raising a rate keeps those already drawn. `share` lowers the rates of its part. Undefined where it is not drawn.
 */
export function drawAudit(
  salt: string,
  pellet: PelletNameParts,
  margin: number,
  threshold: number,
  sampling: AuditSampling,
  share = 1,
): AuditDraw | undefined {
  const stratum = auditStratum(margin, threshold, sampling)
  const inclusionProbability = share * auditRate(stratum, sampling)
  return auditNumber(salt, pellet) < inclusionProbability ? { stratum, inclusionProbability } : undefined
}
