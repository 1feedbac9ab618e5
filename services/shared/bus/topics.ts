import type { DescMessage } from '@bufbuild/protobuf'
import {
  AlertMessageSchema,
  AuditRequestMessageSchema,
  AuditsMessageSchema,
  CropsMessageSchema,
  VerdictsMessageSchema,
} from '../../gen/pelletline/events/v1/events_pb.ts'
import type { StripKey } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'

/** A topic: its name and the one message type that it carries. */
export interface Topic<Desc extends DescMessage = DescMessage> {
  readonly name: string
  readonly schema: Desc
}

function topic<Desc extends DescMessage>(name: string, schema: Desc): Topic<Desc> {
  return { name, schema }
}

/** All topics. Names are a contract with every consumer outside; they change only with a new version of a message. */
export const topics = {
  crops: topic('pelletline.crops.v1', CropsMessageSchema),
  verdicts: topic('pelletline.verdicts.v1', VerdictsMessageSchema),
  auditRequests: topic('pelletline.audit-requests.v1', AuditRequestMessageSchema),
  audits: topic('pelletline.audits.v1', AuditsMessageSchema),
  alerts: topic('pelletline.alerts.v1', AlertMessageSchema),
} as const

/** Where messages go that no handler can take; one for all topics, the origin stands in the headers. */
export const deadLetterTopic = 'pelletline.dead-letters.v1'

/** Header names. */
export const headerNames = {
  /** Full name of the message type, e.g. `pelletline.events.v1.CropsMessage`. */
  messageType: 'pelletline-message-type',
  /** W3C trace context. */
  traceparent: 'traceparent',
  plant: 'pelletline-plant',
  line: 'pelletline-line',
  lot: 'pelletline-lot',
  /** Dead letters only: reason, and the original position. */
  deadLetterReason: 'pelletline-dead-letter-reason',
  originTopic: 'pelletline-origin-topic',
  originPartition: 'pelletline-origin-partition',
  originOffset: 'pelletline-origin-offset',
  /** Size of a value that was too large even for the dead letters, bytes; the origin may still have it. */
  valueDropped: 'pelletline-value-dropped',
  /** How often a message was sent again from the dead letters. */
  replays: 'pelletline-replays',
  /** Only in the topic of dead letters: a record that says that the letter at this `PARTITION/OFFSET` was sent again. */
  replayedLetter: 'pelletline-replayed-letter',
} as const

/** Most pellets in one message, so that a message of crops stays under 1 MB. */
export const maxPelletsPerPart = 384

/** Key of every message that belongs to a strip. */
export function stripMessageKey(key: StripKey): string {
  return `${key.line}/${key.camera}/${key.strip}`
}
