import { defaultMinSpeckContrast } from '../../shared/inspection/speck-contrast.ts'
import type { CarriedRows } from './carried-rows.ts'
import { createSpeckFinder } from './find-specks.ts'
import { createFeretMeter } from './measure-feret.ts'
import { createGrayMeasures, measureGray } from './measure-gray.ts'
import type { RegionMeasures } from './measure-region.ts'
import { createSolidityMeter } from './measure-solidity.ts'
import type { RunList } from './run-list.ts'
import { clearSpecks, createSpeckList, type SpeckList } from './speck-list.ts'
import type { PelletMeasures, SegmentationSettings } from './types.ts'

/** What is measured of a pellet beside its moments; units as in PelletColumns. Valid until the next pellet. */
export type PelletDetails = Pick<
  { -readonly [K in keyof PelletMeasures]: PelletMeasures[K] },
  'feretLengthPx' | 'feretWidthPx' | 'solidity' | 'meanGray' | 'graySpread'
> & { readonly specks: SpeckList }

/** Measures pellets on the pixels of the sensor; holds the working memory. */
export interface PelletMeter {
  /**
   * Measures a pellet by its outline, whose rows count from `baseRow`; specks only where `judged`. `endRow` is one past the
   * last row that was read: what a strip holds beyond it must not make a difference.
   */
  measure(
    outline: RunList,
    box: RegionMeasures,
    baseRow: number,
    rows: CarriedRows,
    endRow: number,
    settings: SegmentationSettings,
    judged: boolean,
  ): PelletDetails
}

/** Creates a meter for rows of `width` px. */
export function createPelletMeter(width: number): PelletMeter {
  const solidityOf = createSolidityMeter()
  const feretMeter = createFeretMeter()
  const speckFinder = createSpeckFinder(width)
  const gray = createGrayMeasures()
  const feret = { length: 0, width: 0 }
  const details: PelletDetails = {
    feretLengthPx: 0,
    feretWidthPx: 0,
    solidity: 0,
    meanGray: 0,
    graySpread: 0,
    specks: createSpeckList(),
  }

  return {
    measure(outline, box, baseRow, rows, endRow, settings, judged) {
      feretMeter.measure(outline, baseRow, rows, endRow, width, settings.threshold, feret)
      measureGray(outline, baseRow, rows, box.areaPx, gray)
      details.feretLengthPx = feret.length
      details.feretWidthPx = feret.width
      details.solidity = solidityOf(outline, box.areaPx)
      details.meanGray = gray.mean
      details.graySpread = gray.spread
      const { bedLevel = 0, smallestSpeckPx = 0, minSpeckContrast = defaultMinSpeckContrast } = settings
      if (judged && smallestSpeckPx > 0) {
        const limits = { smallestSpeckPx, minContrast: minSpeckContrast }
        const bed = Math.round(bedLevel)
        speckFinder.find(outline, box, baseRow, rows, endRow, settings.threshold, bed, limits, details.specks)
      } else clearSpecks(details.specks)
      return details
    },
  }
}
