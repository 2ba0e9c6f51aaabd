export { compareScans, type ScanChange } from './compare.js';
export { type Inventory, inventoryOf } from './inventory.js';
export { judgeWorkload } from './judge.js';
export { CLUSTER_SCOPED, SCAN_KINDS } from './kinds.js';
export { type ClusterObject, clusterObjectSchema, type Unreadable } from './objects.js';
export { CATEGORIES, type Category, type ScanReport, scanReportSchema, type ScanRow } from './report.js';
export { aimOf, isCaptured, reportOf, scan } from './scan.js';
export { type SimulatedChange, withChange } from './simulate.js';
