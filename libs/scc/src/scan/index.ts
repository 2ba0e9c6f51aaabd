export { type Collected, collectObjects } from './collect.js';
export { compareRows, type ComparedRow, comparedRowSchema, compareScans, type ScanChange } from './compare.js';
export { CATEGORIES, type Category, categoryWords } from './categories.js';
export { evidenceOf, imageEvidence, templateAsRun, usersSeen } from './evidence.js';
export { evidenceSentence } from './evidence-words.js';
export { firstSteps } from './first.js';
export { imagesIn, type Inventory, inventoryOf, withImages } from './inventory.js';
export { judgeWorkload } from './judge.js';
export {
  firstStepSchema,
  type KeptScan,
  type KeptScanDetail,
  keptScanDetailSchema,
  keptScanSchema,
  type ScanChanges,
  scanChangesSchema,
  type ScanRequest,
  scanRequestSchema,
  scanWorkloadQuery,
} from './kept.js';
export { SCAN_KINDS } from './kinds.js';
export { type ClusterObject, clusterObjectSchema } from './objects.js';
export { firstObstacle } from './obstacle.js';
export { planForRow } from './plans.js';
export {
  type SeenNeed,
  evidenceSchema,
  type ScanReport,
  scanReportSchema,
  type ScanRow,
  scanRowSchema,
} from './report.js';
export { isCaptured, isMovable, isRefused } from './rows.js';
export { aimOf, reportOf, scan } from './scan.js';
export { type SimulatedChange, withChange } from './simulate.js';
