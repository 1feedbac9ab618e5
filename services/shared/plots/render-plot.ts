import { logger, None, parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/** Colours that stay apart for colour-blind readers (Okabe and Ito, 2008), in the order in which to use them. */
export const plotColours = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9'] as const

/** The look that all our plots share; a plot's own settings come on top. */
const look = {
  background: 'white',
  padding: 16,
  config: {
    font: 'DejaVu Sans',
    axis: { labelFontSize: 11, titleFontSize: 12 },
    title: { fontSize: 14 },
    range: { category: [...plotColours] },
  },
}

/** Renders a Vega-Lite specification with its data inside to SVG, without a browser. Rejects where it does not compile. */
export async function renderPlot(spec: Readonly<Record<string, unknown>>): Promise<string> {
  const quiet = logger(None)
  const { spec: vega } = compile({ ...look, ...spec } as unknown as TopLevelSpec, { logger: quiet })
  const view = new View(parse(vega), { renderer: 'none', logger: quiet })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}
