import type { ScanRow } from './report.js';

/** Whether the next restart puts the workload under another SCC than its pods have now. */
export const isCaptured = ({ pods, nextRestart }: ScanRow): boolean =>
  nextRestart.scc !== null && Object.keys(pods).length > 0 && !(nextRestart.scc in pods);

/** Whether SCC admission would refuse the workload's next pod. */
export const isRefused = ({ nextRestart, category }: ScanRow): boolean =>
  nextRestart.refusal !== null && category !== 'Exempt';

/** Whether a plan can move the workload to a stricter SCC, by all that the scan knows. */
export const isMovable = ({ category, target, obstacles }: ScanRow): boolean =>
  (category === 'AsIs' || category === 'Patch') && target !== null && obstacles.length === 0;
