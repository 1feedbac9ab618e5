export {
  createLineRenderer,
  type LineSettingsInput,
  resolveLineSettings,
} from '../../services/line-simulator/index.ts'
