import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** The faults that can be switched on, and what each does to the line. */
export const faultNames = [
  /** The lamp falls to 60 % within 3 s. */
  'lamp-dims',
  /** The point spread function widens by 2 px within 5 s. */
  'focus-drifts',
  /** A band of columns (4 % of the width) loses half its light at once. */
  'window-dirt',
  /** The product falls to 58 % of its gray and grows strongly blotchy within 2 s, as overheated resin does. */
  'product-darkens',
  /** Large pale brownish or light specks appear on a further 2 % of the pellets; they are NG by truth. */
  'new-speck-kind',
  /** The camera loses a run of rows about every 2,000 rows. */
  'rows-lost',
] as const

export type FaultName = (typeof faultNames)[number]

/** A fault and the time of the line at which it begins. */
export interface Fault {
  readonly name: FaultName
  readonly atSeconds: number
}

/** Parses `product-darkens@5s` (`@5` and `@1.5s` too); throws `invalid_argument` listing the valid names. */
export function parseFault(text: string): Fault {
  const [name = '', time, ...rest] = text.split('@')
  const known = faultNames.find((candidate) => candidate === name)
  const atSeconds = /^\d+(\.\d+)?s?$/.test(time ?? '') ? Number.parseFloat(time!) : Number.NaN
  if (known === undefined || rest.length > 0 || Number.isNaN(atSeconds))
    throw new PelletlineError(
      'invalid_argument',
      `Fault "${text}" is not understood; write NAME@SECONDS such as product-darkens@5s, NAME one of: ${faultNames.join(', ')}.`,
    )
  return { name: known, atSeconds }
}

/** What the faults do to the line at one moment; the neutral values are those of `noFault`. */
export interface FaultEffects {
  readonly lampGain: number
  readonly extraBlurPx: number
  /** Share of the light that the dirty columns lose. */
  readonly dirt: number
  /** 0 as set .. 1 the fault's full darkening. */
  readonly darkening: number
  readonly newKindShare: number
  readonly rowsLost: boolean
}

const noFault: FaultEffects = {
  lampGain: 1,
  extraBlurPx: 0,
  dirt: 0,
  darkening: 0,
  newKindShare: 0,
  rowsLost: false,
}

/** Faults that change pellets (in a ring of rendered strips they need rows rendered anew), not just the light or the rows. */
export const pelletFaults: readonly FaultName[] = ['focus-drifts', 'product-darkens', 'new-speck-kind']

/** Effects of the faults at a time of the line (s); slow faults rise in eight steps, so that sprites can be shared. */
export function faultEffects(faults: readonly Fault[], seconds: number): FaultEffects {
  let effects = noFault
  for (const fault of faults) {
    const since = seconds - fault.atSeconds
    if (since < 0) continue
    effects = { ...effects, ...effectOf(fault.name, since) }
  }
  return effects
}

function effectOf(name: FaultName, since: number): Partial<FaultEffects> {
  const rise = (riseSeconds: number): number => Math.min(1, Math.floor((8 * since) / riseSeconds + 1) / 8)
  switch (name) {
    case 'lamp-dims':
      return { lampGain: 1 - 0.4 * Math.min(1, since / 3) }
    case 'focus-drifts':
      return { extraBlurPx: 2 * rise(5) }
    case 'window-dirt':
      return { dirt: 0.5 }
    case 'product-darkens':
      return { darkening: rise(2) }
    case 'new-speck-kind':
      return { newKindShare: 0.02 }
    case 'rows-lost':
      return { rowsLost: true }
    default:
      return name satisfies never
  }
}
