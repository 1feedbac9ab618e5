import { grown } from './run-list.ts'
import { copySpeck, createSpeckColumns } from './speck-columns.ts'
import type { SpeckList } from './speck-list.ts'
import type { SpeckColumns } from './types.ts'

/** The specks of the pellets of one strip before the pellets have their order; memory grows and is kept. */
export interface SpeckPool {
  /** Copies the specks of pellet `pellet`; pellets come in the order 0, 1, 2, ... */
  add(pellet: number, specks: SpeckList): void
  /** Specks found in a pellet, listed or not, and their area, px. */
  found(pellet: number): number
  foundAreaPx(pellet: number): number
  /** The specks as columns of their own, pellet `order[i]` as pellet i. */
  columns(order: readonly number[]): SpeckColumns
  /** Forgets all pellets. */
  clear(): void
}

/** Creates an empty pool. */
export function createSpeckPool(): SpeckPool {
  let start = new Int32Array(256)
  let found = new Int32Array(256)
  let foundArea = new Int32Array(256)
  let pool = createSpeckColumns(256)
  let specks = 0

  function growPool(): void {
    const larger = createSpeckColumns(pool.count * 2)
    for (let i = 0; i < specks; i++) copySpeck(pool, i, larger, i, pool.pellet[i]!)
    pool = larger
  }

  return {
    add(pellet, list) {
      if (pellet + 1 >= start.length) {
        start = grown(start, start.length * 2)
        found = grown(found, found.length * 2)
        foundArea = grown(foundArea, foundArea.length * 2)
      }
      while (specks + list.count > pool.count) growPool()
      start[pellet] = specks
      found[pellet] = list.found
      foundArea[pellet] = list.foundAreaPx
      for (let i = 0; i < list.count; i++, specks++) {
        pool.pellet[specks] = pellet
        pool.areaPx[specks] = list.areaPx[i]!
        pool.equivalentDiameterPx[specks] = Math.sqrt((4 * list.areaPx[i]!) / Math.PI)
        pool.contrast[specks] = list.contrast[i]!
        pool.x[specks] = list.x[i]!
        pool.y[specks] = list.y[i]!
        pool.atRim[specks] = list.atRim[i]!
      }
      start[pellet + 1] = specks
    },
    found: (pellet) => found[pellet]!,
    foundAreaPx: (pellet) => foundArea[pellet]!,
    columns(order) {
      const columns = createSpeckColumns(specks)
      let at = 0
      for (const [pellet, from] of order.entries()) {
        for (let i = start[from]!; i < start[from + 1]!; i++) copySpeck(pool, i, columns, at++, pellet)
      }
      return columns
    },
    clear() {
      specks = 0
    },
  }
}
