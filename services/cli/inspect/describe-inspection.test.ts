import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspectionJson, inspectionRemarks } from './describe-inspection.ts'
import type { InspectedImage, InspectedPellet } from './inspect-image.ts'

function makePellet(index: number, over: Partial<InspectedPellet>): InspectedPellet {
  return {
    index,
    x: 100,
    y: 50,
    width: 40,
    height: 40,
    areaPx: 1257,
    equivalentDiameterPx: 40,
    aspectRatio: 1,
    roundness: 1,
    meanGray: 160,
    touchesBorder: false,
    feretLengthPx: 40.2,
    feretWidthPx: 39.8,
    solidity: 1,
    graySpread: 12,
    speckCount: 0,
    speckAreaPx: 0,
    specks: [],
    notJudged: 0,
    crop: new Uint8Array(2500),
    outline: [Float64Array.of(100, 50, 140, 50, 140, 90, 100, 90)],
    verdict: 'OK',
    scoreNg: 0.1,
    reason: undefined,
    ...over,
  }
}

const speck = { areaPx: 20, equivalentDiameterPx: 5.0463, contrast: 0.8, x: 110.5, y: 60.25, atRim: false }
const image: InspectedImage = {
  file: 'scan.png',
  width: 400,
  height: 300,
  roi: { x: 0, y: 0, width: 400, height: 300 },
  pellets: [
    makePellet(0, { speckCount: 2, speckAreaPx: 28, specks: [speck], meanGray: 150 }),
    makePellet(1, {}),
    makePellet(2, { crop: undefined, notJudged: 3, verdict: null, scoreNg: null, reason: 'image-edge', meanGray: 90 }),
  ],
  counts: {
    rowsAcquired: 300,
    rowsLost: 0,
    found: 3,
    classified: 2,
    screened: 0,
    shed: 0,
    notJudged: 1,
    notJudgedByReason: { cluster: 0, oversize: 0, 'image-edge': 1, 'lost-rows': 0 },
    audited: 0,
    ng: 0,
    dust: 0,
    balanced: true,
  },
  polarity: 'light-on-dark',
  threshold: 80,
  pelletDiameterPx: 40,
  cropScale: 1,
  smallestSpeckPx: 3,
  minSpeckContrast: 0.25,
  elapsedMs: 10,
}
const model = { id: 'student-1', sha256: 'ab' }

interface Json {
  readonly specks: object | null
  readonly grayDeviation?: number
  readonly pellets: readonly {
    readonly specks?: { readonly list: readonly object[] }
    readonly grayDeviation?: number
  }[]
}

function jsonOf(options: Partial<Parameters<typeof inspectionJson>[3]>, of: InspectedImage = image): Json {
  return inspectionJson(of, model, 0, { pixelSize: undefined, referenceGray: undefined, ...options }) as Json
}

describe('an inspected image as JSON', () => {
  it('lists the specks of judged pellets, in um by the geometric mean of a pixel that is not square', () => {
    const { specks, pellets } = jsonOf({ pixelSize: { acrossUm: 20, alongUm: 80 } })
    assert.deepEqual(specks, { smallestPx: 3, minContrast: 0.25, count: 2, pelletsWith: 1 })
    assert.deepEqual(pellets[0]!.specks, {
      count: 2,
      areaPx: 28,
      list: [{ ...speck, um: { equivalentDiameter: 201.852 } }],
    })
    assert.deepEqual(pellets[1]!.specks, { count: 0, areaPx: 0, list: [] })
    assert.equal(pellets[2]!.specks, undefined)
  })

  it('says nothing of specks where they were not measured', () => {
    const { specks, pellets } = jsonOf({}, { ...image, smallestSpeckPx: 0 })
    assert.equal(specks, null)
    assert.equal(pellets[1]!.specks, undefined)
  })

  it('states the deviation from the reference gray, of the image over its judged pellets only', () => {
    const { grayDeviation, pellets } = jsonOf({ referenceGray: 165 })
    assert.equal(grayDeviation, -10)
    assert.deepEqual(
      pellets.map((pellet) => pellet.grayDeviation),
      [-15, -5, -75],
    )
    assert.equal(jsonOf({}).grayDeviation, undefined)
    assert.match(inspectionRemarks(image, 165)[0]!, /155\.0, -10\.0 from the reference 165/)
  })

  it('remarks how many specks there are in how many pellets', () => {
    assert.match(inspectionRemarks(image).join('\n'), /2 black specks of at least 3 px in 1 pellet\./)
  })
})
