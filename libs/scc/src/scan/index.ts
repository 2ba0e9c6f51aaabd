export { type Collected, collectObjects } from './collect.js';
export { compareRows, type ComparedRow, comparedRowSchema, compareScans, type ScanChange } from './compare.js';
export { type Inventory, inventoryOf } from './inventory.js';
export { judgeWorkload } from './judge.js';
export {
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
export { CATEGORIES, type Category, type ScanReport, scanReportSchema, type ScanRow, scanRowSchema } from './report.js';
export { aimOf, isCaptured, isMovable, isRefused, reportOf, scan } from './scan.js';
export { type SimulatedChange, withChange } from './simulate.js';
