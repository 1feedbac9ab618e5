import { hullArea } from './convex-hull'
import { cropSide, cutCrop } from './cut-crop'
import { findSpecks } from './find-specks'
import { feretLength, feretWidth, measureFeret } from './measure-feret'
import { grayMean, graySpread, measureGray } from './measure-gray'
import {
  aspectRatio,
  bottom,
  equivalentDiameter,
  left,
  measuredArea,
  measureRegion,
  right,
  roundness,
  top,
} from './measure-region'
import { RunList } from './run-list'
import { scaleCrop } from './scale-crop'
import { absoluteRow, countDust, countShed, readEnd } from './segment-rows'
import { beginSpecks, foundAreaPx, foundSpecks, listedSpecks } from './speck-list'
import { addRecord, cropBytes, lastCrop, pelletCount } from './write-pellets'

// Why a pellet has no crop: the numbers of `notJudgedReason` in ../types.ts.

export const judged: i32 = 0
export const cluster: i32 = 1
export const oversize: i32 = 2
export const imageEdge: i32 = 3
export const lostRows: i32 = 4

let width: i32 = 0
let threshold: i32 = 0
let minAreaPx: f64 = 0
let cropScale: f64 = 1
let maxPellets: f64 = 0
/** Absolute number of the first row of the run, or after lost rows, and why what touches it is cut. */
let edgeRow: f64 = 0
let edgeReason: i32 = imageEdge
/** Row whose pixels are cut, and why, while everything open is closed. */
let isCut: bool = false
let cutRow: i32 = 0
let cutReason: i32 = judged

export function setPelletLimits(px: i32, level: i32, least: f64, scale: f64, pellets: f64): void {
  width = px
  threshold = level
  minAreaPx = least
  cropScale = scale
  maxPellets = pellets
}

export function setEdge(row: f64, reason: i32): void {
  edgeRow = row
  edgeReason = reason
}

export function setCut(row: i32, reason: i32): void {
  isCut = true
  cutRow = row
  cutReason = reason
}

export function clearCut(): void {
  isCut = false
}

function fitsCrop(): bool {
  return ceil<f64>(f64(max(right - left, bottom - top)) * cropScale) <= f64(cropSide)
}

/** Measures one pellet and writes it with its crop, or counts it as dust or shed. */
export function addPellet(outline: RunList, baseRow: i32, reason: i32): void {
  measureRegion(outline)
  if (measuredArea < minAreaPx) {
    countDust()
    return
  }
  if (f64(pelletCount) >= maxPellets) {
    countShed(1)
    return
  }
  const lines = bottom - top
  const y = absoluteRow(baseRow + top)
  const lastRow = baseRow + bottom - 1
  let border = judged
  if (left === 0 || right === width) border = imageEdge
  if (isCut && lastRow === cutRow) border = cutReason
  if (y === edgeRow && border !== lostRows) border = edgeReason
  let notJudged = reason
  if (notJudged === judged && !fitsCrop()) notJudged = oversize
  if (notJudged === judged) notJudged = border
  measureFeret(outline, baseRow, readEnd, width, threshold)
  measureGray(outline, baseRow, measuredArea)
  const firstSpeck = beginSpecks()
  if (notJudged === judged) findSpecks(outline, baseRow, readEnd, width, threshold)
  const at = addRecord(lastRow)
  store<f64>(at, y)
  store<i32>(at, left, 16)
  store<i32>(at, right - left, 20)
  store<i32>(at, lines, 24)
  store<i32>(at, i32(i64(measuredArea)), 28)
  store<f32>(at, f32(equivalentDiameter), 32)
  store<f32>(at, f32(aspectRatio), 36)
  store<f32>(at, f32(roundness), 40)
  store<f32>(at, f32(grayMean), 44)
  store<f32>(at, f32(feretLength), 48)
  store<f32>(at, f32(feretWidth), 52)
  // The hull at hand is that of the region before it was completed, which is that of the outline as well.
  store<f32>(at, f32(measuredArea / hullArea), 56)
  store<f32>(at, f32(graySpread), 60)
  store<i32>(at, foundSpecks, 64)
  store<i32>(at, foundAreaPx, 68)
  store<i32>(at, firstSpeck, 96)
  store<i32>(at, listedSpecks(), 100)
  store<u8>(at, u8(border !== judged), 80)
  store<u8>(at, u8(notJudged), 81)
  const crop = lastCrop()
  if (notJudged !== judged) memory.fill(crop, 0, cropBytes)
  else if (cropScale === 1) cutCrop(outline, baseRow, crop)
  else scaleCrop(outline, baseRow, cropScale, crop)
}
