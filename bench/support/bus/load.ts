/** Work of one contestant in a process of its own, so that its CPU time is its own. */
export interface BusLoad {
  readonly kind: 'produce' | 'consume'
  readonly client: 'kafkajs' | 'platformatic'
  readonly brokers: readonly string[]
  readonly topic: string
  readonly messages: number
  readonly messageBytes: number
}

export interface LoadResult {
  readonly mbPerSecond: number
  readonly cpuSecondsPerGb: number
}

/** Messages whose publication may be on its way at once, as many strips of a few lines would be. */
export const publishersAtOnce = 32
