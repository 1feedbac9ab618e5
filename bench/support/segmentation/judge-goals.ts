import { chainTitles, opencvChains } from './opencv-chains.ts'

/** A goal of segmentation with what was reached. */
export interface GoalVerdict {
  readonly goal: string
  /** The least that counts, in `unit`. */
  readonly least: number
  readonly unit: 'MB/s' | 'times'
  /** Undefined where it was not measured. */
  readonly reached: number | undefined
  readonly verdict: 'reached' | 'missed' | 'not measured'
}

/** What the goals are judged by: medians by strip and method. */
export interface GoalFigures {
  readonly scene: string
  readonly method: string
  readonly mbPerSecond: { readonly median: number }
  readonly kernelAgainst: { readonly median: number }
  readonly counts: { readonly found: number; readonly specks: number | undefined } | undefined
}

/**
 * Goals of one camera on one core: its line rate on the dense strip, four times that on the sparse one, thrice OpenCV. A kernel
 * that does not find what the reference finds, pellets and specks, has not done the work: nothing is measured then.
 */
export function judgeGoals(figures: readonly GoalFigures[]): GoalVerdict[] {
  const all = (scene: string, method: string) => figures.find((one) => one.scene === scene && one.method === method)
  const isDone = (scene: string) => {
    const [kernel, reference] = [all(scene, 'kernel')?.counts, all(scene, 'reference')?.counts]
    return kernel?.found === reference?.found && kernel?.specks === reference?.specks
  }
  const find = (scene: string, method: string) => (isDone(scene) ? all(scene, method) : undefined)
  const judge = (goal: string, least: number, unit: GoalVerdict['unit'], reached: number | undefined): GoalVerdict => ({
    goal,
    least,
    unit,
    reached,
    verdict: reached === undefined ? 'not measured' : reached >= least ? 'reached' : 'missed',
  })
  return [
    judge('dense strip, all included', 369, 'MB/s', find('dense', 'kernel')?.mbPerSecond.median),
    judge('sparse strip, all included', 1500, 'MB/s', find('sparse', 'kernel')?.mbPerSecond.median),
    ...opencvChains.map((chain) =>
      judge(`dense strip against ${chainTitles[chain]}`, 3, 'times', find('dense', chain)?.kernelAgainst.median),
    ),
  ]
}
