import { isRecord } from '@scc/plan/words';
import type { Volume } from '../model/pod.js';
import { VOLUME_TYPES } from '../model/write-defaults.js';
import { clip, showValue } from './findings.js';
import type { PodScope } from './scope.js';

/** Two volume types are named differently in SCCs and in pods. */
const POD_FIELD = new Map([
  ['cephFS', 'cephfs'],
  ['vsphere', 'vsphereVolume'],
]);
const TYPE_OF_FIELD = new Map(VOLUME_TYPES.map((type) => [POD_FIELD.get(type) ?? type, type]));

/** The volume's type as SCCs call it; undefined when no known source is set. */
export function volumeType(volume: Volume): string | undefined {
  for (const field in volume) {
    const type = TYPE_OF_FIELD.get(field);
    if (type !== undefined && volume[field] != null) return type;
  }
  return undefined;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const CA_KEYS = new Map([
  ['kube-root-ca.crt', 'ca.crt'],
  ['openshift-service-ca.crt', 'service-ca.crt'],
]);

function isInjectedConfigMap({ name, items }: Record<string, unknown>): boolean {
  const key = CA_KEYS.get(String(name));
  const [item, ...others] = listOf(items);
  return key !== undefined && isRecord(item) && others.length === 0 && item['key'] === key && item['path'] === key;
}

const isInjectedField = (item: unknown): boolean =>
  isRecord(item) &&
  item['path'] === 'namespace' &&
  isRecord(item['fieldRef']) &&
  item['fieldRef']['apiVersion'] === 'v1' &&
  item['fieldRef']['fieldPath'] === 'metadata.namespace';

function isInjectedSource(source: unknown): boolean {
  if (!isRecord(source)) return false;
  const { serviceAccountToken: token, configMap, downwardAPI } = source;
  if (!isRecord(token) && !isRecord(configMap) && !isRecord(downwardAPI)) return false;
  if (isRecord(token) && (token['path'] !== 'token' || (token['audience'] ?? '') !== '')) return false;
  if (isRecord(configMap) && !isInjectedConfigMap(configMap)) return false;
  return !isRecord(downwardAPI) || listOf(downwardAPI['items']).every(isInjectedField);
}

/** True for the volume that Kubernetes injects for a ServiceAccount's token, and for nothing that shows more. */
function isInjectedToken(volume: Volume): boolean {
  const { projected } = volume;
  return isRecord(projected) && listOf(projected['sources']).every(isInjectedSource);
}

const allows = ({ scc: { volumes } }: PodScope, type: string | undefined, volume: Volume): boolean =>
  type !== undefined &&
  (volumes.has(type) || (type === 'projected' && volumes.has('secret') && isInjectedToken(volume)));

function validateType(scope: PodScope, volume: Volume, index: number): void {
  const type = volumeType(volume);
  if (allows(scope, type, volume)) return;
  const { scc } = scope;
  const detail = type === undefined ? 'unknown volume type' : `${type} volumes are not allowed to be used`;
  scope.findings.report({
    rule: 'volumes',
    field: `spec.volumes[${index}]`,
    value: type,
    bound: scc.bounds.volumes,
    remedy: `replace the volume ${clip(volume.name)} by a type that the SCC lists`,
    message: `spec.volumes[${index}]: Invalid value: ${showValue(type ?? '')}: ${detail}`,
  });
}

function validateDriver(scope: PodScope, volume: Volume, index: number): void {
  const { scc } = scope;
  const source = volume['flexVolume'];
  if (!scc.flexDrivers || !isRecord(source)) return;
  const driver = source['driver'];
  if (typeof driver === 'string' && scc.flexDrivers.has(driver)) return;
  scope.findings.report({
    rule: 'volumes',
    field: `spec.volumes[${index}].flexVolume.driver`,
    value: driver,
    bound: [...scc.flexDrivers].join(','),
    remedy: `use one of the drivers that the SCC lists`,
    message: `provider ${scc.name}: .spec.securityContext.volumes[${index}].driver: Invalid value: ${showValue(driver)}: Flexvolume driver is not allowed to be used`,
  });
}

export function applyVolumes(scope: PodScope): void {
  const volumes = scope.pod.spec.volumes ?? [];
  if (!scope.scc.anyVolume) volumes.forEach((volume, index) => validateType(scope, volume, index));
  volumes.forEach((volume, index) => validateDriver(scope, volume, index));
}
