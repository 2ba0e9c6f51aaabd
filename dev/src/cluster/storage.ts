/** The CSI driver whose volumes are folders of the machine, and its StorageClass. */
export const STORAGE_DRIVER = 'folders.scc.poc';
