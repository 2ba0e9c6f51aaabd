import type { CodeTexts } from './text.js';

/** Violations for the data of a workload under another user. */
export const DATA_VIOLATIONS = {
  DataOfAnotherUser: {
    cause: 'the user of the pods changes, and their data stays with the old one',
    remedy:
      'take the step that the violation writes out (a group that may use the files, or another owner), then accept the claim',
  },
  OwnerChangeNotPossible: {
    cause:
      'the owners of the data of the workload cannot be changed while it is stopped, or not so that an undo gives them back',
    remedy: 'remove what the violation names, or leave `volumes.ownerChange` out and take the way by hand',
  },
  OutageNotAllowed: {
    cause: 'a PodDisruptionBudget of the pods does not allow that all of them are stopped at once',
    remedy: 'accept the budget by `traffic.accept`, or leave `volumes.ownerChange` out',
  },
  SnapshotNotPossible: {
    cause:
      'the plan wants snapshots of data of which none can be taken: the cluster serves none, or no claim belongs to one pod',
    remedy: 'install the CSI snapshot controller and give the worker the right, or leave `volumes.snapshot` out',
  },
} satisfies CodeTexts;
