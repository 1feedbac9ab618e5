/** Options of `replay` as commander hands them over. */
export interface ReplayOptions {
  readonly address: string
  readonly line?: string
  readonly run?: string
  readonly speed: number
  readonly fromRow?: number
  readonly skipDamaged?: boolean
}
