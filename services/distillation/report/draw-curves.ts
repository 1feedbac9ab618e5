import { compile, type TopLevelSpec } from 'vega-lite'
import { Logger, parse, View, Warn } from 'vega'
