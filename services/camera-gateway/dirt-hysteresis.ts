/** Judgements in a row that make a column dirty, and clean again. */
const enterAfter = 2
const leaveAfter = 4

/** Remembers how long each column has been judged dirty or clean. */
export interface DirtHysteresis {
  /** Takes one judgement per column (1: dirty): by the limits to become dirty, and by those to stay so. Returns what is in force. */
  follow(enter: Uint8Array, stay: Uint8Array): Uint8Array
}

/** Creates it with all columns clean. */
export function createDirtHysteresis(width: number): DirtHysteresis {
  const dirty = new Uint8Array(width)
  const agreeing = new Uint8Array(width)
  return {
    follow(enter, stay) {
      for (let column = 0; column < width; column++) {
        const changes = dirty[column] === 1 ? stay[column] === 0 : enter[column] === 1
        agreeing[column] = changes ? agreeing[column]! + 1 : 0
        if (agreeing[column]! < (dirty[column] === 1 ? leaveAfter : enterAfter)) continue
        dirty[column] = 1 - dirty[column]!
        agreeing[column] = 0
      }
      return dirty
    },
  }
}
