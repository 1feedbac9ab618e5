export { type CalibrationEntry, type CameraGatewayOptions, cameraGatewayOptionsSchema } from './config.ts'
export {
  type CameraGateway,
  type CameraGatewaySetup,
  createCameraGateway,
  type IntakeSnapshot,
} from './create-camera-gateway.ts'
export { type Calibrations, calibrationKey, loadCalibrations, parseCalibration } from './load-calibrations.ts'
export { type LocalSegmentation, serveCameraGateway } from './serve-camera-gateway.ts'
