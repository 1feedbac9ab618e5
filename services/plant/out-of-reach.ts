import type { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Whether a service or what it stands on could not be asked at the moment: the same question may be answered later. */
export function isOutOfReach({ code }: PelletlineError): boolean {
  return code === 'unavailable' || code === 'deadline_exceeded'
}
