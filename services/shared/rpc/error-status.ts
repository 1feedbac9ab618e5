import { create, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { anyPack, anyUnpack, durationFromMs, durationMs } from '@bufbuild/protobuf/wkt'
import { Metadata, status } from '@grpc/grpc-js'
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../gen/third_party/google/rpc/error_details_pb.ts'
import { StatusSchema } from '../../gen/third_party/google/rpc/status_pb.ts'
import { type ErrorCode, PelletlineError, type PelletlineErrorOptions } from '../errors/pelletline-error.ts'

const statusOfCode = {
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  failed_precondition: status.FAILED_PRECONDITION,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  cancelled: status.CANCELLED,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  data_loss: status.DATA_LOSS,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>

const codeOfStatus = new Map<status, ErrorCode>([
  ...Object.entries(statusOfCode).map(([code, number]) => [number, code as ErrorCode] as const),
  // Servers that are not ours use these as well.
  [status.ABORTED, 'unavailable'],
  [status.OUT_OF_RANGE, 'invalid_argument'],
  [status.PERMISSION_DENIED, 'failed_precondition'],
  [status.UNAUTHENTICATED, 'failed_precondition'],
])

const detailsKey = 'grpc-status-details-bin'
const errorDomain = 'pelletline'
const maxMessageCharacters = 1000
// What the message may take of the metadata: once percent-encoded and once, by base64, in the details.
const maxMessageBytes = 3000
// Peers of gRPC commonly refuse more than 8 KiB of metadata, and base64 makes three bytes four.
const maxDetailBytes = 3600

/** What grpc-js sends as the end of a failed call. */
export interface FailedStatus {
  readonly code: status
  readonly details: string
  readonly metadata: Metadata
}

function fitViolations(error: PelletlineError): { field: string; description: string }[] {
  let bytes = 0
  const fitting: { field: string; description: string }[] = []
  for (const { field, description } of error.violations) {
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description) + 8
    if (bytes > maxDetailBytes) {
      const more = error.violations.length - fitting.length
      fitting.push({ field: '', description: `${more} more violations do not fit into the status` })
      break
    }
    fitting.push({ field, description })
  }
  return fitting
}

function cutMessage(text: string): string {
  for (let length = maxMessageCharacters; ; length = Math.floor(0.8 * length)) {
    // grpc-js encodes the message as a URI and throws where a half of a surrogate pair stands alone, as the cut may leave one.
    const cut = text.slice(0, length).toWellFormed()
    if (encodeURI(cut).length + (4 / 3) * Buffer.byteLength(cut) <= maxMessageBytes) return cut
  }
}

/**
 * Status of a failed call: the code one to one, the message, and as google.rpc.Status in `grpc-status-details-bin`
 * ErrorInfo (whether a retry makes sense), BadRequest (the violations) and RetryInfo (the wait), where there are such.
 */
export function toStatus(error: PelletlineError): FailedStatus {
  const code = statusOfCode[error.code]
  const message = cutMessage(error.message)
  const reason = error.code.toUpperCase()
  const details = [
    anyPack(
      ErrorInfoSchema,
      create(ErrorInfoSchema, { reason, domain: errorDomain, metadata: { retryable: String(error.retryable) } }),
    ),
  ]
  if (error.violations.length > 0) {
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: fitViolations(error) })))
  }
  if (error.retryAfterMs !== undefined) {
    const retryDelay = durationFromMs(Math.ceil(error.retryAfterMs))
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })))
  }
  const metadata = new Metadata()
  const packed = toBinary(StatusSchema, create(StatusSchema, { code, message, details }))
  metadata.set(detailsKey, Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength))
  return { code, details: message, metadata }
}

function readDetails(metadata: Metadata | undefined): MessageShape<typeof StatusSchema> | undefined {
  const [packed] = metadata?.get(detailsKey) ?? []
  if (!(packed instanceof Uint8Array)) return undefined
  try {
    return fromBinary(StatusSchema, packed)
  } catch {
    // Details that cannot be read leave code and message, which every peer sends.
    return undefined
  }
}

/** Restores the error of a failed call; `what` names the call for errors that Pelletline did not write itself. */
export function fromStatus(
  failed: { readonly code: status; readonly details: string; readonly metadata?: Metadata },
  what: string,
): PelletlineError {
  const code = codeOfStatus.get(failed.code) ?? 'internal'
  const options: { -readonly [Name in keyof PelletlineErrorOptions]: PelletlineErrorOptions[Name] } = {
    cause: failed,
    retryable: code === 'unavailable',
  }
  let ours = false
  for (const detail of readDetails(failed.metadata)?.details ?? []) {
    const info = anyUnpack(detail, ErrorInfoSchema)
    if (info?.domain === errorDomain) {
      ours = true
      const { retryable } = info.metadata
      options.retryable = retryable === 'true'
    }
    const badRequest = anyUnpack(detail, BadRequestSchema)
    if (badRequest !== undefined) {
      options.violations = badRequest.fieldViolations.map(({ field, description }) => ({ field, description }))
    }
    const delay = anyUnpack(detail, RetryInfoSchema)?.retryDelay
    if (delay !== undefined) {
      options.retryAfterMs = durationMs(delay)
      if (!ours) options.retryable = true
    }
  }
  return new PelletlineError(code, ours ? failed.details : `${what} failed: ${failed.details}`, options)
}
